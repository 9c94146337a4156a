/* The model's input: pictures through a table of 256 values a channel; sound and vectors through a history of rows. */
#include <stdlib.h>
#include <string.h>

#include "task.h"

/* ---- pictures ---- */

static eq_status open_image(eq_task *task, eq_error *error) {
    eq_image_side *image = &task->image;
    const size_t bytes = task->encoder.value_bytes;
    image->pixels = eq_memory_take(&task->memory, (size_t)image->width * (size_t)image->height * (size_t)image->channels);
    image->table = eq_memory_take(&task->memory, 256 * bytes * (size_t)image->channels);
    if (image->pixels == NULL || image->table == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for a picture");
    }
    for (int32_t c = 0; c < image->channels; c++) {
        for (int32_t value = 0; value < 256; value++) {
            eq_encode(&task->encoder, eq_normalize(&task->spec.normal, c, (float)value),
                      image->table + (size_t)(c * 256 + value) * bytes);
        }
    }
    return EQ_OK;
}

/* One channel of all pixels: from every `step`th byte to every `to_step`th value. */
static void write_channel(const eq_image_side *image, int32_t channel, int32_t from, size_t bytes, uint8_t *to,
                          size_t to_step) {
    const size_t count = (size_t)image->width * (size_t)image->height, step = (size_t)image->channels;
    const uint8_t *pixels = image->pixels + from, *table = image->table + (size_t)channel * 256 * bytes;
    if (bytes == 1) {
        for (size_t i = 0; i < count; i++) {
            to[i * to_step] = table[pixels[i * step]];
        }
    } else if (bytes == 2) {
        for (size_t i = 0; i < count; i++) {
            memcpy(to + 2 * i * to_step, table + 2 * (size_t)pixels[i * step], 2);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            memcpy(to + 4 * i * to_step, table + 4 * (size_t)pixels[i * step], 4);
        }
    }
}

eq_status eq_task_image(eq_task *task, const eq_frame *frame, eq_error *error) {
    eq_image_side *image = &task->image;
    if (task->spec.input != EQ_TASK_IMAGE) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "this task takes %s, no pictures",
                       task->spec.input == EQ_TASK_AUDIO ? "sound" : "lines of numbers");
    }
    if (eq_frame_bytes(frame->format, frame->width, frame->height) == 0) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "a frame has 1 to %d pixels each way", EQ_FRAME_MOST);
    }
    if (!eq_resizer_suits(image->resizer, frame)) {
        eq_resizer_free(image->resizer);
        image->resizer = eq_resizer_make(frame, task->spec.image.fit, (uint8_t)task->spec.image.fill, image->width,
                                         image->height, image->channels);
        if (image->resizer == NULL) {
            return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory to resize a frame");
        }
        task->geometry = *eq_resizer_geometry(image->resizer);
    }
    eq_resizer_run(image->resizer, frame, image->pixels);
    uint8_t *to = eq_session_input_data(task->session, 0);
    const size_t bytes = task->encoder.value_bytes, plane = (size_t)image->width * (size_t)image->height;
    const bool is_nchw = task->spec.image.layout == EQ_NCHW;
    for (int32_t c = 0; c < image->channels; c++) {
        const int32_t from = task->spec.image.colour == EQ_COLOUR_BGR ? image->channels - 1 - c : c;
        write_channel(image, c, from, bytes, to + (size_t)c * bytes * (is_nchw ? plane : 1),
                      is_nchw ? 1 : (size_t)image->channels);
    }
    return EQ_OK;
}

/* ---- rows ---- */

bool eq_history_add(eq_history *history, const float *row) {
    const size_t width = (size_t)history->width;
    if (history->filled == history->rows) {
        memmove(history->values, history->values + width, (size_t)(history->rows - 1) * width * sizeof(float));
        history->filled--;
    }
    memcpy(history->values + (size_t)history->filled * width, row, width * sizeof(float));
    history->filled++;
    history->fresh += history->fresh < history->step;
    if (history->filled < history->rows || history->fresh < history->step) {
        return false;
    }
    history->fresh = 0;
    return true;
}

void eq_history_reset(eq_history *history) {
    history->filled = history->fresh = 0;
}

void eq_input_write_history(eq_task *task) {
    const eq_history *history = &task->history;
    uint8_t *to = eq_session_input_data(task->session, 0);
    const float *value = history->values;
    for (int32_t r = 0; r < history->rows; r++) {
        for (int32_t c = 0; c < history->width; c++, to += task->encoder.value_bytes) {
            eq_encode(&task->encoder, eq_normalize(&task->spec.normal, c, *value++), to);
        }
    }
}

static eq_status open_history(eq_task *task, eq_error *error) {
    eq_history *history = &task->history;
    history->values = eq_memory_take(&task->memory, (size_t)history->rows * (size_t)history->width * sizeof(float));
    return history->values != NULL ? EQ_OK : eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the input");
}

/* ---- vectors ---- */

eq_status eq_task_vector(eq_task *task, const float *values, int32_t count, bool *ready, eq_error *error) {
    if (task->spec.input != EQ_TASK_VECTOR) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "this task takes %s, no lines of numbers",
                       task->spec.input == EQ_TASK_AUDIO ? "sound" : "pictures");
    }
    if (count != task->history.width) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "a line has %d numbers, and the task takes %d", (int)count,
                       (int)task->history.width);
    }
    *ready = eq_history_add(&task->history, values);
    if (*ready) {
        eq_input_write_history(task);
    }
    return EQ_OK;
}

/* ---- sound ---- */

static eq_status open_audio(eq_task *task, eq_error *error) {
    eq_audio_side *side = &task->audio;
    const eq_audio_input *audio = &task->spec.audio;
    side->samples = eq_memory_take(&task->memory, (size_t)audio->window * sizeof *side->samples);
    side->row = eq_memory_take(&task->memory, (size_t)task->history.width * sizeof *side->row);
    bool has_memory = side->samples != NULL && side->row != NULL;
    if (audio->features == EQ_MICRO_FRONTEND) {
        side->micro = eq_micro_make(audio, task->encoder.value_bytes == 1, &task->memory);
        has_memory = has_memory && side->micro != NULL;
    } else if (audio->features != EQ_WAVEFORM) {
        side->mel = eq_mel_make(audio, &task->memory);
        has_memory = has_memory && side->mel != NULL;
    }
    return has_memory ? EQ_OK : eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the sound's features");
}

/* A window of samples as a row of the history. */
static bool add_window(eq_task *task) {
    eq_audio_side *side = &task->audio;
    if (side->micro != NULL) {
        eq_micro_frame(side->micro, side->samples, side->row);
    } else if (side->mel != NULL) {
        eq_mel_frame(side->mel, side->samples, side->row);
    } else {
        for (int32_t i = 0; i < task->history.width; i++) {
            side->row[i] = (float)side->samples[i] / 32768;
        }
    }
    return eq_history_add(&task->history, side->row);
}

/* Keep what the next window begins with. */
static void hop(eq_task *task) {
    eq_audio_side *side = &task->audio;
    const int32_t window = task->spec.audio.window, by = task->spec.audio.hop;
    const int32_t left = window > by ? window - by : 0;
    memmove(side->samples, side->samples + (window - left), (size_t)left * sizeof *side->samples);
    side->filled = left;
    side->skip = by > window ? by - window : 0;
}

eq_status eq_task_audio(eq_task *task, const int16_t *samples, size_t count, size_t *used, bool *ready, eq_error *error) {
    eq_audio_side *side = &task->audio;
    if (task->spec.input != EQ_TASK_AUDIO) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "this task takes %s, no sound",
                       task->spec.input == EQ_TASK_VECTOR ? "lines of numbers" : "pictures");
    }
    *ready = false;
    for (*used = 0; *used < count && !*ready;) {
        const size_t left = count - *used;
        if (side->skip > 0) {
            const size_t skipped = left < (size_t)side->skip ? left : (size_t)side->skip;
            side->skip -= (int32_t)skipped;
            *used += skipped;
            continue;
        }
        const size_t room = (size_t)(task->spec.audio.window - side->filled), taken = left < room ? left : room;
        memcpy(side->samples + side->filled, samples + *used, taken * sizeof *samples);
        side->filled += (int32_t)taken;
        *used += taken;
        if (taken == room) {
            *ready = add_window(task);
            hop(task);
        }
    }
    if (*ready) {
        eq_input_write_history(task);
    }
    return EQ_OK;
}

eq_status eq_input_open(eq_task *task, eq_error *error) {
    if (task->spec.input == EQ_TASK_IMAGE) {
        return open_image(task, error);
    }
    const eq_status status = open_history(task, error);
    return status == EQ_OK && task->spec.input == EQ_TASK_AUDIO ? open_audio(task, error) : status;
}
