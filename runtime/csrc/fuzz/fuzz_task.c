/* libFuzzer's entry for what tasks read: the first byte says what the others are. Build with -DEQ_FUZZ=ON, run with scripts/fuzz. */
#include <stdlib.h>
#include <string.h>

#include "../task/json_read.h"
#include "../task/task.h"

enum { TASK, LABELS, PICTURE, SOUND, FRAME_SIZE, RESAMPLED, READERS, SIDE = 24, SMALL = 512 };

static void read_task(const uint8_t *data, size_t size) {
    eq_memory_block *memory = NULL;
    eq_spec spec;
    eq_error error = {0};
    eq_spec_unsaid(&spec);
    if (eq_spec_read((const char *)data, size, &memory, &spec, &error) != EQ_OK && error.message[0] == 0) {
        abort();
    }
    eq_memory_free(&memory);
}

static void read_labels(const uint8_t *data, size_t size) {
    eq_memory_block *memory = NULL;
    eq_names labels;
    if (eq_labels_read((const char *)data, size, &memory, &labels, NULL) == EQ_OK && labels.count < 1) {
        abort();
    }
    eq_memory_free(&memory);
}

static void resize(const eq_frame *frame, int32_t fit) {
    uint8_t pixels[SIDE * SIDE * 3];
    if (frame->width <= SMALL && frame->height <= SMALL) {
        eq_frame_resize(frame, fit, 114, SIDE, SIDE, 3, pixels, NULL);
        eq_frame_resize(frame, fit, 0, SIDE, 1, 1, pixels, NULL);
    }
}

static void read_picture(const uint8_t *data, size_t size) {
    eq_frame frame;
    for (int32_t fit = EQ_FIT_STRETCH; fit <= EQ_FIT_LETTERBOX; fit++) {
        if (eq_frame_read_pnm(data, size, &frame, NULL) == EQ_OK) {
            resize(&frame, fit);
        }
    }
}

static void read_sound(const uint8_t *data, size_t size) {
    eq_sound sound;
    if (eq_sound_read_wav(data, size, &sound, NULL) != EQ_OK || sound.data == NULL) {
        return;
    }
    const size_t bytes = (size_t)abs((int)sound.bits) / 8 * (size_t)sound.channels, count = sound.bytes / bytes;
    int16_t *samples = malloc((count + 1) * sizeof *samples);
    if (samples != NULL) {
        eq_sound_to_int16(&sound, sound.data, count, samples);
    }
    free(samples);
}

/* Any bytes are the pixels of a frame, whose format and size the first three say. */
static void read_frame(const uint8_t *data, size_t size) {
    eq_frame frame;
    if (size < 3) {
        return;
    }
    const int32_t format = data[0] % 8, width = data[1], height = data[2];
    const size_t needed = eq_frame_bytes(format, width, height);
    uint8_t *pixels = malloc(needed + 1);
    if (pixels == NULL) {
        return;
    }
    for (size_t i = 0; i < needed; i++) {
        pixels[i] = data[i % size];
    }
    if (eq_frame_of(pixels, needed, format, width, height, &frame, NULL) == EQ_OK) {
        resize(&frame, data[0] / 8 % 3);
    }
    free(pixels);
}

/* Two bytes are the rates, two how much goes in and out at once, the others samples. As many come out as the rates have it. */
static void read_resampled(const uint8_t *data, size_t size) {
    eq_resampler *resampler;
    int16_t samples[512], to[64];
    if (size < 4) {
        return;
    }
    const int32_t from = 1 + data[0], target = 1 + data[1]; /* a small table, however odd the ratio */
    if (eq_resampler_open(from, target, &resampler, NULL) != EQ_OK) {
        return;
    }
    const size_t count = (size - 4) / 2 < 512 ? (size - 4) / 2 : 512, room = 1 + data[2] % 64, part = 1 + data[3] % 16;
    memcpy(samples, data + 4, count * sizeof *samples);
    uint64_t made = 0;
    size_t got, used;
    for (size_t at = 0; at < count; at += used) {
        made += eq_resampler_run(resampler, samples + at, count - at < part ? count - at : part, &used, to, room);
    }
    while ((got = eq_resampler_run(resampler, NULL, 0, &used, to, room)) > 0) {
        made += got;
    }
    if (made != ((uint64_t)count * (uint64_t)target + (uint64_t)from - 1) / (uint64_t)from) {
        abort();
    }
    eq_resampler_close(resampler);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const readers[READERS])(const uint8_t *data, size_t size) = {read_task,  read_labels, read_picture,
                                                                               read_sound, read_frame,  read_resampled};
    if (size == 0) {
        return 0;
    }
    uint8_t *copy = malloc(size); /* of that size, so that reading past it is noticed */
    if (copy != NULL) {
        memcpy(copy, data + 1, size - 1);
        readers[data[0] % READERS](copy, size - 1);
    }
    free(copy);
    return 0;
}
