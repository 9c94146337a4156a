/* The arithmetic that all kernels agree on, in its scalar form: docs/arithmetic.md has the formulas and their sources. */
#ifndef EQ_ARITHMETIC_H
#define EQ_ARITHMETIC_H

#include <stdint.h>
#include <string.h>

static inline int32_t eq_clamp(int32_t value, int32_t min, int32_t max) {
    return value < min ? min : value > max ? max : value;
}

/* Wraps instead of overflowing, which C leaves undefined for int32_t. */
static inline int32_t eq_add_wrapping(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t eq_multiply_wrapping(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

/* The nearest integer, ties to even, of |x| < 2^22: adding 1.5 * 2^23 leaves no bits for a fraction, and the FPU rounds. */
static inline int32_t eq_round(float x) {
    const float magic = 12582912.0f;
    float rounded = x + magic;
    int32_t bits, magic_bits;
    memcpy(&bits, &rounded, sizeof bits);
    memcpy(&magic_bits, &magic, sizeof magic_bits);
    return bits - magic_bits;
}

/* XNNPACK's fp32 requantization of an accumulator to int8. */
static inline int8_t eq_requantize(int32_t acc, float scale, int32_t zero_point, int32_t min, int32_t max) {
    float x = (float)acc * scale;
    const float low = (float)(min - zero_point), high = (float)(max - zero_point);
    x = x < low ? low : x;
    x = x > high ? high : x;
    return (int8_t)(eq_round(x) + zero_point);
}

/* XNNPACK's sums and means: two roundings to float and one to an integer. */
static inline int8_t eq_scale_sum(int32_t sum, float scale, float offset) {
    float x = (float)sum * scale;
    x = x + offset;
    x = x < -128.0f ? -128.0f : x;
    x = x > 127.0f ? 127.0f : x;
    return (int8_t)eq_round(x);
}

#endif
