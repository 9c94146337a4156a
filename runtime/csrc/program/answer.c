#include "answer.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edgequant_task.h"
#include "failure.h"
#include "frames.h"
#include "json.h"
#include "notify.h"
#include "source.h"

enum { SOUND_BYTES = 8192, HEADER_MOST = 65536, LINE_MOST = 65536, COLUMNS_MOST = 4096 };

typedef struct stream {
    const arguments *given;
    eq_model *model;
    eq_session *session;
    eq_task *task;
    eq_task_info info;
    char *text; /* of an answer */
    size_t text_room;
    double began, latency_sum, latency_most; /* seconds */
    uint64_t answers;
} stream;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* `path` is what the error is about; NULL: it says so itself. */
static void check(eq_status status, const eq_error *error, const char *path) {
    if (status != EQ_OK) {
        fail(status == EQ_ERROR_MEMORY ? EXIT_SYSTEM : EXIT_USER, "%s%s%s", path != NULL ? path : "", path != NULL ? ": " : "",
             error->message);
    }
}

static void open_stream(stream *s, const arguments *given) {
    eq_error error;
    size_t json_bytes = 0, label_bytes = 0;
    *s = (stream){.given = given};
    const eq_model_options options = {.kernels = given->kernels, .signature = given->signature, .precision = given->precision};
    check(eq_model_open_file(given->model, &options, &s->model, &error), &error, NULL);
    check(eq_session_open(s->model, &(eq_session_options){.threads = given->threads}, &s->session, &error), &error, NULL);
    uint8_t *json = given->task != NULL ? source_read_all(given->task, &json_bytes) : NULL;
    uint8_t *labels = given->labels != NULL ? source_read_all(given->labels, &label_bytes) : NULL;
    check(eq_task_open(s->session, (const char *)json, json_bytes, (const char *)labels, label_bytes, &s->task, &error), &error,
          given->task != NULL ? given->task : given->labels);
    free(json);
    free(labels);
    eq_task_describe(s->task, &s->info);
    s->began = now();
}

static void close_stream(stream *s) {
    eq_task_close(s->task);
    eq_session_close(s->session);
    eq_model_close(s->model);
    free(s->text);
}

/* ---- printing ---- */

static void print_item(const eq_answer *answer, const eq_answer_item *item) {
    if (item->label != NULL) {
        printf("%s", item->label);
    } else {
        printf("#%d", (int)item->index);
    }
    printf(answer->kind == EQ_TASK_EMBEDDING ? " %.3f" : " %.2f", (double)item->score);
    if (answer->kind == EQ_TASK_DETECTIONS) {
        printf(" at %.0f, %.0f, %.0f, %.0f", (double)item->left, (double)item->top, (double)item->right, (double)item->bottom);
    } else if (answer->kind == EQ_TASK_KEYPOINTS) {
        printf(" at %.0f, %.0f", (double)item->left, (double)item->top);
    }
}

/* An item a line for a person; streams put all on one line. */
static void print_text(const stream *s, const eq_answer *answer, const char *separator) {
    const int32_t count = s->given->top > 0 && s->given->top < answer->count ? s->given->top : answer->count;
    if (answer->kind == EQ_TASK_ANOMALY) {
        printf("%.4g%s\n", (double)answer->items[0].score, answer->is_anomaly ? " anomaly" : "");
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        fputs(i > 0 ? separator : "", stdout);
        print_item(answer, &answer->items[i]);
    }
    puts(count > 0 ? "" : answer->kind == EQ_TASK_EMBEDDING ? "an embedding: --json prints its values" : "nothing");
}

static void print_json(stream *s, const eq_answer *answer) {
    eq_answer shown = *answer;
    if (s->given->top > 0 && s->given->top < shown.count && answer->kind != EQ_TASK_ANOMALY) {
        shown.count = s->given->top;
    }
    const size_t needed = eq_answer_json(&shown, s->text, s->text_room) + 1;
    if (needed > s->text_room) {
        free(s->text);
        s->text = malloc(needed);
        s->text_room = needed;
        if (s->text == NULL) {
            fail(EXIT_SYSTEM, "there is no memory for an answer");
        }
        eq_answer_json(&shown, s->text, s->text_room);
    }
    printf("%s\n", s->text + 1); /* behind the keys that came before */
}

static void flush_answer(void) {
    if (fflush(stdout) != 0) {
        fail(EXIT_SYSTEM, "standard output cannot be written");
    }
}

/* Run, print and time; `began` is when the input was there. `key` and `value` say which input it was. */
static void answer_one(stream *s, double began, const char *key, const char *value, bool is_many) {
    const eq_answer *answer;
    eq_error error;
    check(eq_task_run(s->task, &answer, &error), &error, NULL);
    const double latency = now() - began;
    s->latency_sum += latency;
    s->latency_most = latency > s->latency_most ? latency : s->latency_most;
    s->answers++;
    if (s->given->as_json) {
        printf("{\"%s\": %s, \"latency_ms\": %.3f, ", key, value, latency * 1e3);
        print_json(s, answer);
    } else {
        if (is_many) {
            printf("%s %s: ", key, value);
        }
        print_text(s, answer, is_many ? ", " : "\n");
    }
    flush_answer();
    notify_answer(s->answers, now() - s->began);
}

static void tell_speed(const stream *s, const char *what, uint64_t dropped) {
    const double seconds = now() - s->began;
    fprintf(stderr, "edgequant-run: %llu %s in %.1f s, %.1f a second", (unsigned long long)s->answers, what, seconds,
            seconds > 0 ? (double)s->answers / seconds : 0);
    if (s->given->drops) {
        fprintf(stderr, "; %llu dropped", (unsigned long long)dropped);
    }
    if (s->answers > 0) {
        fprintf(stderr, "; latency %.1f ms on average, %.1f at most", s->latency_sum / (double)s->answers * 1e3,
                s->latency_most * 1e3);
    }
    fputc('\n', stderr);
}

static void need_input(const stream *s, int32_t kind, const char *option) {
    static const char *const takes[] = {"pictures: --image or --frames", "sound: --audio", "lines of numbers: --lines"};
    if (s->info.input != kind) {
        fail(EXIT_USER, "%s does not fit the task, which takes %s", option, takes[s->info.input]);
    }
}

/* ---- pictures ---- */

static void answer_images(stream *s) {
    const int32_t count = s->given->image_count;
    need_input(s, EQ_TASK_IMAGE, "--image");
    for (int32_t i = 0; i < count; i++) {
        const char *path = s->given->images[i];
        eq_error error;
        eq_frame frame;
        size_t bytes;
        uint8_t *content = source_read_all(path, &bytes);
        check(eq_frame_read_pnm(content, bytes, &frame, &error), &error, path);
        const double began = now();
        eq_task_reset(s->task);
        check(eq_task_image(s->task, &frame, &error), &error, path);
        char *name = json_quoted(path);
        answer_one(s, began, "image", s->given->as_json ? name : path, count > 1);
        free(name);
        free(content);
    }
}

static void answer_frames(stream *s) {
    eq_frame frame;
    eq_error error;
    char number_text[24];
    need_input(s, EQ_TASK_IMAGE, "--frames");
    check(eq_frame_parse(s->given->frames, &frame, &error), &error, "--frames");
    const size_t bytes = eq_frame_bytes(frame.format, frame.width, frame.height);
    frames *pipe = frames_open(STDIN_FILENO, bytes, s->given->drops);
    uint64_t number, seen = 0;
    for (const uint8_t *content; (content = frames_next(pipe, &number)) != NULL; seen = number + 1) {
        const double began = now();
        check(eq_frame_of(content, bytes, frame.format, frame.width, frame.height, &frame, &error), &error, NULL);
        check(eq_task_image(s->task, &frame, &error), &error, NULL);
        snprintf(number_text, sizeof number_text, "%llu", (unsigned long long)number);
        answer_one(s, began, "frame", number_text, true);
    }
    tell_speed(s, "frames", seen - s->answers);
    if (frames_rest(pipe) > 0) {
        fprintf(stderr, "edgequant-run: the last %zu bytes are no whole frame, which has %zu\n", frames_rest(pipe), bytes);
    }
    frames_close(pipe);
}

/* ---- sound ---- */

typedef struct sound_source {
    int file;
    eq_sound sound;
    eq_resampler *resampler; /* NULL: it has the task's rate */
    uint8_t bytes[HEADER_MOST];
    size_t filled; /* bytes that are not used yet, at the start */
} sound_source;

/* Read up to the first sample. Standard input without a header is int16 of one channel at the task's rate. */
static void open_sound(const stream *s, sound_source *from) {
    const char *path = s->given->audio;
    const bool may_be_raw = strcmp(path, "-") == 0;
    eq_error error;
    from->file = source_open(path);
    while (from->sound.data == NULL) {
        const size_t got = source_read(from->file, from->bytes + from->filled, sizeof from->bytes - from->filled, true);
        from->filled += got;
        const size_t start = from->filled < 4 ? from->filled : 4;
        if (may_be_raw && memcmp(from->bytes, "RIFF", start) != 0) {
            from->sound = (eq_sound){.rate = s->info.rate, .channels = 1, .bits = 16, .data = from->bytes};
            return;
        }
        check(eq_sound_read_wav(from->bytes, from->filled, &from->sound, &error), &error, path);
        if (got == 0) {
            fail(EXIT_USER, "%s is cut off before its samples", path);
        }
    }
    if (from->sound.rate != s->info.rate) {
        check(eq_resampler_open(from->sound.rate, s->info.rate, &from->resampler, &error), &error, path);
    }
    from->filled -= from->sound.offset;
    memmove(from->bytes, from->bytes + from->sound.offset, from->filled);
}

static void answer_samples(stream *s, const int16_t *samples, size_t count, uint64_t *seen) {
    char seconds[32];
    const double began = now();
    while (count > 0) {
        size_t used;
        bool is_ready;
        eq_error error;
        check(eq_task_audio(s->task, samples, count, &used, &is_ready, &error), &error, NULL);
        samples += used;
        count -= used;
        *seen += used;
        if (is_ready) {
            snprintf(seconds, sizeof seconds, "%.3f", (double)*seen / s->info.rate);
            answer_one(s, began, "seconds", seconds, true);
        }
    }
}

/* `samples` NULL: the sound's end. */
static void answer_at_rate(stream *s, const sound_source *from, const int16_t *samples, size_t count, uint64_t *seen) {
    static int16_t resampled[SOUND_BYTES];
    if (from->resampler == NULL) {
        answer_samples(s, samples, count, seen);
        return;
    }
    for (size_t made = 1, used; made > 0; count -= used) {
        made = eq_resampler_run(from->resampler, samples, count, &used, resampled, SOUND_BYTES);
        samples = samples != NULL ? samples + used : NULL;
        answer_samples(s, resampled, made, seen);
    }
}

static void answer_sound(stream *s) {
    static sound_source from;
    static int16_t samples[HEADER_MOST];
    need_input(s, EQ_TASK_AUDIO, "--audio");
    open_sound(s, &from);
    const size_t size = (size_t)abs((int)from.sound.bits) / 8 * (size_t)from.sound.channels;
    const size_t whole = from.sound.declared;
    uint64_t seen = 0, taken = 0; /* samples of the task's rate; of the sound */
    for (bool goes_on = true; goes_on;) {
        const size_t left = whole > 0 ? whole - (size_t)taken * size : SIZE_MAX,
                     usable = from.filled < left ? from.filled : left;
        const size_t count = usable / size, rest = from.filled - count * size;
        eq_sound_to_int16(&from.sound, from.bytes, count, samples);
        answer_at_rate(s, &from, samples, count, &seen);
        taken += count;
        memmove(from.bytes, from.bytes + count * size, rest);
        const size_t got = left > usable ? source_read(from.file, from.bytes + rest, SOUND_BYTES, true) : 0;
        from.filled = rest + got;
        goes_on = got > 0;
    }
    answer_at_rate(s, &from, NULL, 0, &seen);
    eq_resampler_close(from.resampler);
    tell_speed(s, "answers", 0);
}

/* ---- lines ---- */

/* Numbers with commas, semicolons or spaces between them; their count, or -1 for a line with something else. */
static int32_t parse_line(const char *line, float *values) {
    int32_t count = 0;
    for (const char *at = line + strspn(line, " \t\r\n"); *at != 0;) {
        char *end;
        const double value = strtod(at, &end);
        const size_t between = strspn(end, " \t\r\n,;");
        if (end == at || !isfinite(value) || count == COLUMNS_MOST || (between == 0 && *end != 0)) {
            return -1;
        }
        values[count++] = (float)value;
        at = end + between;
    }
    return count;
}

static void answer_line(stream *s, const char *line, uint64_t number) {
    float values[COLUMNS_MOST];
    char text[24];
    const double began = now();
    const int32_t count = parse_line(line, values);
    if (count == 0 || (number == 1 && count < 0)) { /* an empty line, or the names of the columns */
        return;
    }
    if (count != s->info.columns) {
        fprintf(stderr, "edgequant-run: line %llu is left out: it has not the task's %d numbers\n", (unsigned long long)number,
                (int)s->info.columns);
        return;
    }
    bool is_ready;
    eq_error error;
    check(eq_task_vector(s->task, values, count, &is_ready, &error), &error, NULL);
    if (is_ready) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)number);
        answer_one(s, began, "line", text, true);
    }
}

static void answer_lines(stream *s) {
    static char text[LINE_MOST + 1];
    size_t filled = 0;
    uint64_t number = 0;
    need_input(s, EQ_TASK_VECTOR, "--lines");
    const int file = source_open(s->given->lines);
    for (size_t got; (got = source_read(file, text + filled, LINE_MOST - filled, true)) > 0;) {
        filled += got;
        text[filled] = 0;
        char *line = text;
        for (char *end; (end = memchr(line, '\n', filled - (size_t)(line - text))) != NULL; line = end + 1) {
            *end = 0;
            answer_line(s, line, ++number);
        }
        filled -= (size_t)(line - text);
        memmove(text, line, filled);
        if (filled == LINE_MOST) {
            fail(EXIT_USER, "line %llu has more than %d bytes", (unsigned long long)number + 1, LINE_MOST);
        }
    }
    if (filled > 0) {
        text[filled] = 0;
        answer_line(s, text, ++number);
    }
    tell_speed(s, "answers", 0);
}

void answer_all(const arguments *given) {
    stream s;
    open_stream(&s, given);
    source_end_on_signals();
    if (given->frames != NULL) {
        answer_frames(&s);
    } else if (given->audio != NULL) {
        answer_sound(&s);
    } else if (given->lines != NULL) {
        answer_lines(&s);
    } else {
        answer_images(&s);
    }
    close_stream(&s);
}
