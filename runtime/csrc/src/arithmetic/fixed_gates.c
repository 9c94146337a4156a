/* Qm.n below is a number of m integer bits and n others, 15 in all. Sums wrap, as gemmlowp's do. (gemmlowp, fixedpoint.h) */
#include "fixed_gates.h"

#include "fixed_point.h"

enum { ONE = INT16_MAX }; /* in Q0.15 */

int16_t eq_fixed_product(int16_t a, int16_t b) {
    const int32_t high = ((int32_t)a * b + (1 << 14)) >> 15;
    return (int16_t)(high > INT16_MAX ? INT16_MAX : high);
}

static int16_t sum(int32_t a, int32_t b) {
    return (int16_t)(uint16_t)(a + b);
}

static int16_t shift_left_saturating(int16_t x, int32_t exponent) {
    return (int16_t)eq_clamp(x * (1 << exponent), INT16_MIN, INT16_MAX);
}

/* e^x for x of Q0.15 in [-1/4, 0): Taylor's series around -1/8. */
static int16_t exp_of_quarter(int16_t x) {
    const int16_t e_to_minus_eighth = 28918, third = 10923;
    const int16_t d = sum(x, 1 << 12), d2 = eq_fixed_product(d, d), d3 = eq_fixed_product(d2, d), d4 = eq_fixed_product(d2, d2);
    const int16_t tail = sum(eq_fixed_product(sum(eq_divide_by_power_of_two(d4, 2), d3), third), d2);
    const int16_t growth = eq_fixed_product(e_to_minus_eighth, sum(d, eq_divide_by_power_of_two(tail, 1)));
    return (int16_t)eq_clamp(e_to_minus_eighth + growth, INT16_MIN, INT16_MAX);
}

/* e^x for x <= 0 with so many integer bits: the part within a quarter, times e^-2^k for each bit of the rest. */
static int16_t exp_of_negative(int16_t x, int32_t integer_bits) {
    static const int16_t factors[] = {25520, 19875, 12055, 4435, 600, 11, 0}; /* k = -2 to 4, Q0.15 */
    if (x == 0) {
        return ONE;
    }
    const int32_t fraction_bits = 15 - integer_bits, quarter = 1 << (fraction_bits - 2);
    if (integer_bits > 5 && x < -(32 << fraction_bits)) {
        return 0;
    }
    const int16_t within = (int16_t)((x & (quarter - 1)) - quarter);
    const int32_t rest = within - x;
    int16_t result = exp_of_quarter(shift_left_saturating(within, integer_bits));
    for (int32_t k = -2; k <= 4 && k < integer_bits; k++) {
        if (rest & 1 << (fraction_bits + k)) {
            result = eq_fixed_product(result, factors[k + 2]);
        }
    }
    return result;
}

/* 2 / (1 + x) as Q2.13 for x of Q0.15 in [0, 1): Newton's method. */
static int16_t twice_inverse(int16_t x) {
    const int16_t half = (int16_t)((x + ONE + 1) / 2);
    int16_t y = sum(23130, eq_fixed_product(half, -15420)); /* 48/17 - 32/17 * half */
    for (int i = 0; i < 3; i++) {
        const int16_t error = sum(1 << 13, -eq_fixed_product(half, y));
        y = sum(y, shift_left_saturating(eq_fixed_product(y, error), 2));
    }
    return y;
}

int16_t eq_fixed_tanh(int16_t x, int32_t integer_bits) {
    if (x == 0) {
        return 0;
    }
    const int16_t e = exp_of_negative(x < 0 ? x : (int16_t)-x, integer_bits + 1); /* of 2 * x */
    const int16_t y = shift_left_saturating(sum(twice_inverse(e), -(1 << 13)), 2);
    return x < 0 ? (int16_t)-y : y;
}

int16_t eq_fixed_logistic(int16_t x) {
    if (x == 0) {
        return 1 << 14;
    }
    const int16_t y = shift_left_saturating(twice_inverse(exp_of_negative(x < 0 ? x : (int16_t)-x, 3)), 1);
    return x < 0 ? (int16_t)(ONE - y) : y;
}
