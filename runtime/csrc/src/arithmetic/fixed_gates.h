/* The gates of LiteRT's quantized LSTM: tanh and the logistic function of 16-bit fixed-point numbers, gemmlowp's formulas. */
#ifndef EQ_FIXED_GATES_H
#define EQ_FIXED_GATES_H

#include <stddef.h>
#include <stdint.h>

/* The high half of 2 * a * b, to nearest, ties up; of Qa and Qb it is Q(a + b). */
static inline int16_t eq_fixed_product(int16_t a, int16_t b) {
    const int32_t high = ((int32_t)a * b + (1 << 14)) >> 15;
    return (int16_t)(high > INT16_MAX ? INT16_MAX : high);
}

/* out = tanh(x / 2^(15 - integer_bits)) * 2^15 of n numbers; integer_bits 0 to 6. `out` may be `x`. */
void eq_fixed_tanh(const int16_t *x, int32_t integer_bits, int16_t *out, size_t n);

/* out = 2^15 / (1 + exp(-x / 2^12)) of n numbers. `out` may be `x`. */
void eq_fixed_logistic(const int16_t *x, int16_t *out, size_t n);

#endif
