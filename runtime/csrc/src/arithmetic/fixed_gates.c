/* Qm.n below is a number of m integer bits and n others, 15 in all. Sums wrap, as gemmlowp's do. (gemmlowp, fixedpoint.h) */
#include "fixed_gates.h"

#include "fixed_point.h"

enum { ONE = INT16_MAX }; /* in Q0.15 */

static inline int16_t sum(int32_t a, int32_t b) {
    return (int16_t)(uint16_t)(a + b);
}

static inline int16_t shift_left_saturating(int16_t x, int32_t exponent) {
    return (int16_t)eq_clamp(x * (1 << exponent), INT16_MIN, INT16_MAX);
}

/* e^x for x of Q0.15 in [-1/4, 0): Taylor's series around -1/8. */
static inline int16_t exp_of_quarter(int16_t x) {
    const int16_t e_to_minus_eighth = 28918, third = 10923;
    const int16_t d = sum(x, 1 << 12), d2 = eq_fixed_product(d, d), d3 = eq_fixed_product(d2, d), d4 = eq_fixed_product(d2, d2);
    const int16_t tail = sum(eq_fixed_product(sum(eq_divide_by_power_of_two(d4, 2), d3), third), d2);
    const int16_t growth = eq_fixed_product(e_to_minus_eighth, sum(d, eq_divide_by_power_of_two(tail, 1)));
    return (int16_t)eq_clamp(e_to_minus_eighth + growth, INT16_MIN, INT16_MAX);
}

enum { FIRST_FACTOR = -2, FACTORS = 7 };

/* What e^x needs to know of the format of x. */
typedef struct format {
    int32_t integer_bits, quarter;
    int32_t least;         /* e^x is 0 below */
    int32_t bits[FACTORS]; /* 2^k in this format; 0 where it has none */
} format;

static format format_of(int32_t integer_bits) {
    const int32_t fraction_bits = 15 - integer_bits;
    format f = {integer_bits, 1 << (fraction_bits - 2), integer_bits > 5 ? -(32 << fraction_bits) : INT16_MIN, {0}};
    for (int32_t i = 0; i < FACTORS && FIRST_FACTOR + i < integer_bits; i++) {
        f.bits[i] = 1 << (fraction_bits + FIRST_FACTOR + i);
    }
    return f;
}

/* e^x for x <= 0: the part within a quarter, times e^-2^k for each bit of the rest. */
static inline int16_t exp_of_negative(int16_t x, const format *f) {
    static const int16_t factors[FACTORS] = {25520, 19875, 12055, 4435, 600, 11, 0}; /* Q0.15 */
    const int16_t within = (int16_t)((x & (f->quarter - 1)) - f->quarter);
    const int32_t rest = within - x;
    int16_t result = exp_of_quarter(shift_left_saturating(within, f->integer_bits));
#pragma GCC unroll 7
    for (int i = 0; i < FACTORS; i++) {
        const int16_t smaller = eq_fixed_product(result, factors[i]);
        result = rest & f->bits[i] ? smaller : result;
    }
    result = x < f->least ? 0 : result;
    return x == 0 ? ONE : result;
}

/* 2 / (1 + x) as Q2.13 for x of Q0.15 in [0, 1): Newton's method. */
static inline int16_t twice_inverse(int16_t x) {
    const int16_t half = (int16_t)((x + ONE + 1) / 2);
    int16_t y = sum(23130, eq_fixed_product(half, -15420)); /* 48/17 - 32/17 * half */
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
        const int16_t error = sum(1 << 13, -eq_fixed_product(half, y));
        y = sum(y, shift_left_saturating(eq_fixed_product(y, error), 2));
    }
    return y;
}

enum { BLOCK = 8 };

/* 2 / (1 + e^-|x|) of a block, as Q2.13: a loop of constant length and without branches, of which compilers make vectors. */
static __attribute__((noinline)) void twice_inverse_of_sums(const int16_t *restrict x, const format *f, int16_t *restrict out) {
    for (int i = 0; i < BLOCK; i++) {
        const int16_t negative = x[i] < 0 ? x[i] : (int16_t)-x[i];
        out[i] = twice_inverse(exp_of_negative(negative, f));
    }
}

static void tanh_of_block(int16_t *x, const format *f) {
    int16_t y[BLOCK];
    twice_inverse_of_sums(x, f, y);
    for (int i = 0; i < BLOCK; i++) {
        const int16_t positive = shift_left_saturating(sum(y[i], -(1 << 13)), 2);
        const int16_t with_sign = x[i] < 0 ? (int16_t)-positive : positive;
        x[i] = x[i] == 0 ? 0 : with_sign;
    }
}

static void logistic_of_block(int16_t *x, const format *f) {
    int16_t y[BLOCK];
    twice_inverse_of_sums(x, f, y);
    for (int i = 0; i < BLOCK; i++) {
        const int16_t upper = shift_left_saturating(y[i], 1);
        const int16_t half = x[i] < 0 ? (int16_t)(ONE - upper) : upper;
        x[i] = x[i] == 0 ? 1 << 14 : half;
    }
}

static void in_blocks(void (*function)(int16_t *x, const format *f), int32_t integer_bits, const int16_t *x, int16_t *out,
                      size_t n) {
    const format f = format_of(integer_bits);
    for (size_t i = 0; i < n; i += BLOCK) {
        int16_t block[BLOCK] = {0};
        const size_t bytes = (n - i < BLOCK ? n - i : BLOCK) * sizeof *x;
        memcpy(block, x + i, bytes);
        function(block, &f);
        memcpy(out + i, block, bytes);
    }
}

void eq_fixed_tanh(const int16_t *x, int32_t integer_bits, int16_t *out, size_t n) {
    in_blocks(tanh_of_block, integer_bits + 1, x, out, n); /* e^(2 * x) */
}

void eq_fixed_logistic(const int16_t *x, int16_t *out, size_t n) {
    in_blocks(logistic_of_block, 3, x, out, n);
}
