/* What a frame costs before and behind the model: `task_bench resize N` and `task_bench suppress N` do it N times. Run under an emulator
 * that counts instructions (scripts/bench_task). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../task/task.h"

enum { FRAME_WIDTH = 640, FRAME_HEIGHT = 480, SIDE = 320, BOXES = 8400, OBJECTS = 20, CLASSES = 10, TOP = 100 };

static uint32_t next_number(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static float next_share(uint32_t *state) {
    return (float)next_number(state) / (1 << 24);
}

static uint32_t resize(int count) {
    static uint8_t bytes[FRAME_WIDTH * FRAME_HEIGHT * 3 / 2], pixels[SIDE * SIDE * 3];
    uint32_t state = 1, sum = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)next_number(&state);
    }
    eq_frame frame;
    if (eq_frame_of(bytes, sizeof bytes, EQ_FRAME_YUV420, FRAME_WIDTH, FRAME_HEIGHT, &frame, NULL) != EQ_OK) {
        exit(1);
    }
    eq_resizer *resizer = eq_resizer_make(&frame, EQ_FIT_STRETCH, 0, SIDE, SIDE, 3);
    for (int i = 0; i < count; i++) {
        eq_resizer_run(resizer, &frame, pixels);
        sum += pixels[i % (int)sizeof pixels];
    }
    eq_resizer_free(resizer);
    return sum;
}

/* Boxes as a YOLO head has them: each near one of some objects, all of them above the threshold. */
static uint32_t suppress(int count) {
    eq_memory_block *memory = NULL;
    eq_boxes boxes;
    uint32_t state = 1, sum = 0;
    if (eq_boxes_make(&boxes, BOXES, &memory, NULL) != EQ_OK) {
        exit(1);
    }
    for (int32_t i = 0; i < BOXES; i++) {
        const int32_t object = (int32_t)(next_number(&state) % OBJECTS);
        const float x = 120.0f * (float)(object % 5) + 20 * next_share(&state),
                    y = 150.0f * (float)(object / 5) + 20 * next_share(&state);
        boxes.found[i] = (eq_box){x, y, x + 80, y + 100, 0.3f + 0.6f * next_share(&state), object % CLASSES};
    }
    for (int i = 0; i < count; i++) {
        boxes.count = BOXES;
        sum += (uint32_t)eq_suppress(&boxes, 0.45f, false, TOP);
    }
    eq_memory_free(&memory);
    return sum;
}

int main(int count, char **words) {
    if (count != 3 || (strcmp(words[1], "resize") != 0 && strcmp(words[1], "suppress") != 0)) {
        fprintf(stderr, "usage: task_bench resize|suppress N\n");
        return 2;
    }
    const int times = atoi(words[2]);
    printf("%u\n", (unsigned)(words[1][0] == 'r' ? resize(times) : suppress(times)));
    return 0;
}
