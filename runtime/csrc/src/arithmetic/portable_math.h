/* Functions of real numbers that give the same bits on every platform, which libm's do not promise. For tables that are made
 * when a model is planned: exact to about 1e-15, made of additions, multiplications and divisions alone, and not fast. */
#ifndef EQ_PORTABLE_MATH_H
#define EQ_PORTABLE_MATH_H

#include <stdint.h>
#include <string.h>

static inline double eq_power_of_two(int32_t exponent) { /* -1022 to 1023 */
    const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

double eq_exp(double x);
double eq_exp_minus_1(double x);
double eq_log(double x); /* x > 0 */
double eq_tanh(double x);
/* The cosine and sine of `part` / `whole` turns, 0 <= part < whole. */
void eq_turn(int32_t part, int32_t whole, double *cosine, double *sine);
/* Of an angle in radians; NaN past 2^30, where a double says little about it. */
void eq_sine_cosine(double angle, double *sine, double *cosine);
double eq_atan2(double y, double x); /* -pi to pi */
double eq_erfc(double x);            /* 1 - erf(x); absolute error 1e-15 */

#endif
