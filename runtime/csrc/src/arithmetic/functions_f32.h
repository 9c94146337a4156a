/* Functions of float32 numbers for inner loops, the same bits on every platform, which libm's do not promise: additions,
 * multiplications and divisions alone. EXP and GELU, which transformers are full of, in float32; the others in double precision, to
 * about 1e-10, and rounded once, so that nearly all results are the nearest float32 and none is two away. Without branches, so that
 * compilers make vectors of loops over them. Not a number gives not a number. */
#ifndef EQ_FUNCTIONS_F32_H
#define EQ_FUNCTIONS_F32_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* a * b + c, where who includes this may have a fused multiply-add: the exponentials of one float32, and what is made of them, have the
 * same bits with both, for each of the 2^32 numbers (tests/every_float_test.c). Of functions of two nobody knows. */
#ifndef EQ_MULTIPLY_ADD
#define EQ_MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

/* ln 2 in two parts: the first has 32 bits, so that products with small integers are exact. */
#define EQ_LN2_HIGH 0x1.62e42feep-1
#define EQ_LN2_LOW 0x1.a39ef35793c76p-33

/* x = exponent * ln 2 + rest, |rest| <= ln 2 / 2; `power` is 2^exponent. |x| <= 700 or not a number. */
static inline double eq_binary_power(double x, double *rest) {
    const double to_integers = 0x1.8p52; /* whose sum with a small number is rounded to an integer, in its last bits */
    const double shifted = x * 1.44269504088896340736 + to_integers, exponent = shifted - to_integers;
    uint64_t bits;
    double power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    memcpy(&power, &bits, sizeof power);
    *rest = EQ_MULTIPLY_ADD(-exponent, EQ_LN2_LOW, EQ_MULTIPLY_ADD(-exponent, EQ_LN2_HIGH, x));
    return power;
}

/* e^x - 1 for |x| <= ln 2 / 2, by Taylor's series. */
static inline double eq_small_growth(double x) {
    double sum = 1.0 / 40320;
    sum = EQ_MULTIPLY_ADD(sum, x, 1.0 / 5040);
    sum = EQ_MULTIPLY_ADD(sum, x, 1.0 / 720);
    sum = EQ_MULTIPLY_ADD(sum, x, 1.0 / 120);
    sum = EQ_MULTIPLY_ADD(sum, x, 1.0 / 24);
    sum = EQ_MULTIPLY_ADD(sum, x, 1.0 / 6);
    sum = EQ_MULTIPLY_ADD(sum, x, 0.5);
    sum = EQ_MULTIPLY_ADD(sum, x, 1);
    return sum * x;
}

/* Past these bounds a float32 exponential is 0 or infinite, and a double one is neither. */
static inline double eq_exponent_f32(float x) {
    return x < -110 ? -110 : x > 100 ? 100 : (double)x;
}

static inline double eq_exp_of_f32(double x) {
    double rest;
    const double power = eq_binary_power(x, &rest);
    return EQ_MULTIPLY_ADD(power, eq_small_growth(rest), power);
}

static inline float eq_float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* e^x in float32, less than a unit in the last place away: x = n * ln 2 + rest with products that are exact or small, and
 * 2^n in two halves, each of which is a normal number where the result is none. */
static inline float eq_exp_f32(float x) {
    const float to_integers = 0x1.8p23f, bounded = x < -104 ? -104 : x > 89 ? 89 : x;
    const float shifted = bounded * 0x1.715476p+0f + to_integers, exponent = shifted - to_integers;
    const float rest = (bounded - exponent * 0x1.62e4p-1f) - exponent * 0x1.7f7d1cp-20f;
    float sum = 0x1.6a21a4p-10f;
    sum = sum * rest + 0x1.123b6ap-7f;
    sum = sum * rest + 0x1.5558fcp-5f;
    sum = sum * rest + 0x1.555490p-3f;
    sum = sum * rest + 0x1.fffffcp-2f;
    const float growth = 1 + (rest + rest * rest * sum);
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    const uint32_t least = 0x4b400000 - 256, half = (bits - least) >> 1; /* n + 256, which is positive, halved */
    return growth * eq_float_of_bits((half - 1) << 23) * eq_float_of_bits((bits - least - half - 1) << 23);
}

/* e^x - 1, with all digits near 0 too. */
static inline double eq_growth_f32(double x) {
    double rest;
    const double power = eq_binary_power(x, &rest);
    return EQ_MULTIPLY_ADD(power, eq_small_growth(rest), power - 1);
}

static inline float eq_exp_minus_1_f32(float x) {
    return (float)eq_growth_f32(eq_exponent_f32(x));
}

static inline float eq_logistic_f32(float x) {
    return (float)(1 / (1 + eq_exp_of_f32(-eq_exponent_f32(x))));
}

static inline float eq_tanh_f32(float x) {
    const float size = fabsf(x);
    const double growth = eq_growth_f32(size > 10 ? 20 : 2 * (double)size);
    return copysignf((float)(growth / (growth + 2)), x);
}

/* The natural logarithm of a positive finite number: log m + e * ln 2 with m near 1, and log m = 2 * atanh((m - 1) / (m + 1)). */
static inline double eq_log_of_f32(double x) {
    const uint64_t root = 0x3fe6a09e667f3bcd; /* the bits of the square root of 1/2 */
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t above = bits - root;
    const uint64_t near_1 = (above & 0xfffffffffffff) + root;
    const double e = (double)(int32_t)((int64_t)above >> 52);
    double m;
    memcpy(&m, &near_1, sizeof m);
    const double s = (m - 1) / (m + 1), square = s * s;
    double sum = 1.0 / 11;
    sum = sum * square + 1.0 / 9;
    sum = sum * square + 1.0 / 7;
    sum = sum * square + 1.0 / 5;
    sum = sum * square + 1.0 / 3;
    sum = sum * square + 1;
    return 2 * s * sum + (e * EQ_LN2_LOW + e * EQ_LN2_HIGH);
}

static inline float eq_log_f32(float x) {
    const float usual = (float)eq_log_of_f32((double)x);
    return x > 0 && x < INFINITY ? usual : x == 0 ? -INFINITY : x < 0 ? NAN : x;
}

/* x * (1 + erf(x / sqrt 2)) / 2, in float32, to 3e-7 of |x|. erf is z * p(z^2) / q(z^2) to 2e-8, fitted to |z| <= 5.6, past which it
 * is 1 or -1; all terms are positive, so that none takes digits from another. Never above 0 for x below it. */
static inline float eq_gelu_f32(float x) {
    const float p[] = {0x1.7f14eap-25f, 0x1.a61716p-17f, 0x1.623cc8p-12f, 0x1.328748p-7f, 0x1.15ef2ap-4f, 0x1.988452p-1f};
    const float q[] = {0x1.3caa7cp-20f, 0x1.339b2cp-14f, 0x1.ee3f36p-10f, 0x1.d5d6b6p-6f, 0x1.01c044p-2f, 1};
    const float square = x * x;
    float above = p[0], below = q[0];
#pragma GCC unroll 8 /* else compilers make no vectors of the loop around it */
    for (int i = 1; i < (int)(sizeof p / sizeof *p); i++) {
        above = above * square + p[i];
        below = below * square + q[i];
    }
    const float whole = 1 + x * above / below; /* whose last bits alone are left below -5 */
    const float within = 0.5f * x * (whole > 0 ? whole : 0);
    return x < -5.6f ? 0 : x > 5.6f ? x : within;
}

/* The quarters of a turn nearest to x, |x| >= 2^20, but for whole turns, and what is left of x beside them: NaN for infinity and NaN.
 * (portable_math.c) */
int32_t eq_quarters_of_large(float x, double *rest);

/* Sine, and with `quarters` 1 cosine: Taylor's series of the rest of a quarter of a turn, in two parts of which the first has 32
 * bits. */
static inline float eq_sine_f32(float x, int32_t quarters) {
    const double to_integers = 0x1.8p52, shifted = (double)x * 0.63661977236758134308 + to_integers;
    const double count = shifted - to_integers;
    double rest = ((double)x - count * 0x1.921fb544p+0) - count * 0x1.0b4611a626331p-34;
    int32_t turn = (int32_t)(fabsf(x) < 0x1p20f ? count : 0) + quarters;
    if (!(fabsf(x) < 0x1p20f)) {
        turn = quarters + eq_quarters_of_large(x, &rest);
    }
    const double square = rest * rest;
    double sine = -1.0 / 39916800, cosine = 1.0 / 479001600;
    sine = sine * square + 1.0 / 362880;
    sine = sine * square - 1.0 / 5040;
    sine = sine * square + 1.0 / 120;
    sine = sine * square - 1.0 / 6;
    sine = (sine * square + 1) * rest;
    cosine = cosine * square - 1.0 / 3628800;
    cosine = cosine * square + 1.0 / 40320;
    cosine = cosine * square - 1.0 / 720;
    cosine = cosine * square + 1.0 / 24;
    cosine = cosine * square - 0.5;
    cosine = cosine * square + 1;
    const double y = turn % 2 == 0 ? sine : cosine;
    return (float)((turn & 2) != 0 ? -y : y);
}

#endif
