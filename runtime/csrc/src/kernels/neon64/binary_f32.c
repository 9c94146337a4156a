/* Elementwise operators of two float32 inputs, sixteen values at once, by one loop: its branches go the same way every time, and
 * are smaller than as many loops. */
#include <math.h>

#include "kernels/neon/elements.h"
#include "read/operator_codes.h"
#include "set.h"

enum { LANES = 16, SWAPPED_SUB = -1 };

#define EACH_VECTOR(function, a, b)       \
    EQ_UNROLL                             \
    for (int i = 0; i < LANES / 4; i++) { \
        x[i] = function(a, b);            \
    }

EQ_INLINE float32x4_t at_least(float32x4_t x, float32x4_t min) { /* not a number stays, here and below */
    return vbslq_f32(vcltq_f32(x, min), min, x);
}

EQ_INLINE float32x4_t at_most(float32x4_t x, float32x4_t max) {
    return vbslq_f32(vcgtq_f32(x, max), max, x);
}

/* `second_step` 0: every block of the first input meets the same one. */
static __attribute__((noinline)) void run_blocks(int32_t code, const eq_bounds *bounds, const float *first, const float *second,
                                                 size_t second_step, float *out, size_t blocks) {
    const float32x4_t min = vdupq_n_f32(bounds->min), max = vdupq_n_f32(bounds->max);
    const bool has_max = bounds->max != INFINITY, bounded = bounds->min != -INFINITY || has_max;
    for (; blocks > 0; blocks--, first += LANES, second += second_step, out += LANES) {
        float32x4_t x[LANES / 4], y[LANES / 4];
        EQ_UNROLL
        for (int i = 0; i < LANES / 4; i++) {
            x[i] = vld1q_f32(first + 4 * i), y[i] = vld1q_f32(second + 4 * i);
        }
        if (code == EQ_OP_MUL) {
            EACH_VECTOR(vmulq_f32, x[i], y[i])
        } else if (code == EQ_OP_ADD) {
            EACH_VECTOR(vaddq_f32, x[i], y[i])
        } else if (code == EQ_OP_SUB) {
            EACH_VECTOR(vsubq_f32, x[i], y[i])
        } else {
            EACH_VECTOR(vsubq_f32, y[i], x[i])
        }
        if (bounded) {
            EACH_VECTOR(at_least, x[i], min)
            if (has_max) {
                EACH_VECTOR(at_most, x[i], max)
            }
        }
        EQ_UNROLL
        for (int i = 0; i < LANES / 4; i++) {
            vst1q_f32(out + 4 * i, x[i]);
        }
    }
}

static __attribute__((noinline)) void run(int32_t code, const eq_bounds *bounds, const float *first, const float *second,
                                          bool scalar, float *out, size_t n) {
    const size_t left = n % LANES, done = n - left;
    float same[LANES], x[LANES] = {0}, y[LANES] = {0};
    if (scalar) {
        for (int i = 0; i < LANES; i++) {
            same[i] = *second;
        }
        second = same;
    }
    run_blocks(code, bounds, first, second, scalar ? 0 : LANES, out, n / LANES);
    if (left > 0) {
        memcpy(x, first + done, left * sizeof *x);
        memcpy(y, scalar ? same : second + done, left * sizeof *y);
        run_blocks(code, bounds, x, y, 0, x, 1);
        memcpy(out + done, x, left * sizeof *x);
    }
}

#define RUNS(name, code)                                                                               \
    static void name(const void *bounds, const void *a, const void *b, void *out, size_t n) {          \
        run(code, bounds, a, b, false, out, n);                                                        \
    }                                                                                                  \
    static void name##_scalar(const void *bounds, const void *a, const void *b, void *out, size_t n) { \
        run(code, bounds, a, b, true, out, n);                                                         \
    }

RUNS(add, EQ_OP_ADD)
RUNS(sub, EQ_OP_SUB)
RUNS(swapped_sub, SWAPPED_SUB)
RUNS(mul, EQ_OP_MUL)

const eq_binary_f32 eq_neon64_binary_f32[] = {
    {EQ_OP_ADD, {{add, add_scalar}, {add, add_scalar}}},
    {EQ_OP_SUB, {{sub, sub_scalar}, {swapped_sub, swapped_sub_scalar}}},
    {EQ_OP_MUL, {{mul, mul_scalar}, {mul, mul_scalar}}},
    {-1, {{NULL, NULL}, {NULL, NULL}}},
};
