/* Seeded random floats, and what an activation function may cut them to. */
#ifndef EQ_RANDOM_FLOATS_H
#define EQ_RANDOM_FLOATS_H

#include <math.h>

#include "random_cases.h"

/* Of exactly this size, so that AddressSanitizer sees every access beyond it. */
static inline float *take_floats(size_t count, float (*draw)(void)) {
    float *values = (float *)(void *)take_exact(count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        values[i] = draw();
    }
    return values;
}

typedef struct bounds {
    float min, max;
} bounds;

static inline bounds random_bounds(void) {
    const bounds all[] = {{-INFINITY, INFINITY}, {0.0f, INFINITY}, {0.0f, 6.0f}, {-1.0f, 1.0f}};
    return all[random_bits() % 4];
}

#endif
