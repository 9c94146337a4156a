/* The integer arithmetic of LiteRT's own kernels (gemmlowp's), for what XNNPACK does not take. See docs/arithmetic.md. */
#ifndef EQ_FIXED_POINT_H
#define EQ_FIXED_POINT_H

#include <stdint.h>

#include "arithmetic.h"

/* multiplier * 2^(shift - 31): a real number with 31 bits. */
typedef struct eq_fixed {
    int32_t multiplier; /* 0, or 2^30 <= |multiplier| < 2^31 */
    int32_t shift;      /* -31 to 31; products take what is beyond for 30 */
} eq_fixed;

/* LiteRT's QuantizeMultiplier; numbers of 2^30 and more, which no sound model has, become the largest. */
eq_fixed eq_fixed_from(double real);

/* The high half of 2 * a * b, rounded to nearest, ties away from zero for positive products and towards it for negative
 * ones; INT32_MIN * INT32_MIN saturates. (SaturatingRoundingDoublingHighMul) */
static inline int32_t eq_doubling_high_product(int32_t a, int32_t b) {
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* x / 2^exponent to nearest, ties away from zero; exponent 0 to 31. (RoundingDivideByPOT) */
static inline int32_t eq_divide_by_power_of_two(int32_t x, int32_t exponent) {
    const int32_t mask = (int32_t)((INT64_C(1) << exponent) - 1);
    const int32_t threshold = (mask >> 1) + (x < 0);
    return (x >> exponent) + ((x & mask) > threshold);
}

/* x * 2^exponent, exponent 0 to 30, wrapping. */
static inline int32_t eq_shift_left(int32_t x, int32_t exponent) {
    return eq_multiply_wrapping(x, (int32_t)1 << exponent);
}

/* x * factor, rounded twice. (MultiplyByQuantizedMultiplier) */
static inline int32_t eq_fixed_multiply(int32_t x, eq_fixed factor) {
    const int32_t left = eq_clamp(factor.shift, 0, 30), right = eq_clamp(-factor.shift, 0, 31);
    return eq_divide_by_power_of_two(eq_doubling_high_product(eq_shift_left(x, left), factor.multiplier), right);
}

/* x * factor, rounded twice, ties up: LiteRT's vector loops and ruy. */
static inline int32_t eq_fixed_multiply_ties_up(int32_t x, eq_fixed factor) {
    const int32_t left = eq_clamp(factor.shift, 0, 30), right = eq_clamp(-factor.shift, 0, 31);
    const int64_t product = ((int64_t)eq_shift_left(x, left) * factor.multiplier + (INT64_C(1) << 30)) >> 31;
    return (int32_t)((product + (right > 0 ? INT64_C(1) << (right - 1) : 0)) >> right);
}

/* 1 / (1 + x) for x of 31 fractional bits in [0, 1), by Newton's method. (one_over_one_plus_x_for_x_in_0_1) */
int32_t eq_fixed_inverse_of_sum(int32_t x);

/* 1 / sqrt(x), x >= 0, by Newton's method in fixed point; 0 counts as 1. (GetInvSqrtQuantizedMultiplierExp) */
eq_fixed eq_fixed_inverse_square_root(int32_t x);

#endif
