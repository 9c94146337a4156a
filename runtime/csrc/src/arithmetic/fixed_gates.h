/* The gates of LiteRT's quantized LSTM: tanh and the logistic function of 16-bit fixed-point numbers, gemmlowp's formulas. */
#ifndef EQ_FIXED_GATES_H
#define EQ_FIXED_GATES_H

#include <stdint.h>

/* The high half of 2 * a * b, to nearest, ties up; of Qa and Qb it is Q(a + b). */
int16_t eq_fixed_product(int16_t a, int16_t b);

/* tanh(x / 2^(15 - integer_bits)) * 2^15; integer_bits 0 to 6. */
int16_t eq_fixed_tanh(int16_t x, int32_t integer_bits);

/* 2^15 / (1 + exp(-x / 2^12)). */
int16_t eq_fixed_logistic(int16_t x);

#endif
