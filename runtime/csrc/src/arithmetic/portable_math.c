#include "portable_math.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "functions_f32.h"

/* (e^x - 1) / x for |x| <= 0.35, by Taylor's series. */
static double relative_growth(double x) {
    double sum = 1;
    for (int k = 15; k > 1; k--) {
        sum = 1 + sum * x / k;
    }
    return sum;
}

double eq_exp(double x) {
    if (!(x < 710)) {
        return x < 0 ? 0 : x + INFINITY; /* infinity or NaN */
    }
    if (x < -746) {
        return 0;
    }
    const double k = floor(x / (EQ_LN2_HIGH + EQ_LN2_LOW) + 0.5);
    const double rest = (x - k * EQ_LN2_HIGH) - k * EQ_LN2_LOW;
    const int32_t half = (int32_t)k / 2;
    return (1 + rest * relative_growth(rest)) * eq_power_of_two(half) * eq_power_of_two((int32_t)k - half);
}

double eq_exp_minus_1(double x) {
    return fabs(x) <= 0.35 ? x * relative_growth(x) : eq_exp(x) - 1;
}

/* x = m * 2^e with m near 1, and log m = 2 * atanh((m - 1) / (m + 1)). */
double eq_log(double x) {
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752) {
        m *= 2;
        e -= 1;
    }
    const double s = (m - 1) / (m + 1), square = s * s;
    double sum = 0;
    for (int k = 23; k > 0; k -= 2) {
        sum = sum * square + 1.0 / k;
    }
    return 2 * s * sum + (e * EQ_LN2_LOW + e * EQ_LN2_HIGH);
}

double eq_tanh(double x) {
    const double growth = eq_exp_minus_1(2 * fabs(x));
    const double y = fabs(x) > 20 ? 1 : growth / (growth + 2);
    return x < 0 ? -y : y;
}

/* x to the power of `first` and every second one after it, over their factorials, with alternating signs; |x| <= pi / 4. */
static double alternating_series(double x, int first) {
    double sum = 1;
    for (int k = 20 + first; k > first; k -= 2) {
        sum = 1 - sum * x * x / (k * (k - 1));
    }
    return first == 0 ? sum : x * sum;
}

/* In eighths of a turn, so that 0, 1 and symmetries are exact. */
void eq_turn(int32_t part, int32_t whole, double *cosine, double *sine) {
    const int64_t eighths = 8 * (int64_t)part;
    const int32_t octant = (int32_t)(eighths / whole);
    const int64_t in_octant = eighths % whole, rest = octant % 2 == 0 ? in_octant : whole - in_octant;
    const double angle = 0.78539816339744830962 * ((double)rest / whole);
    const double c = alternating_series(angle, 0), s = alternating_series(angle, 1);
    const bool swaps = octant == 1 || octant == 2 || octant == 5 || octant == 6;
    const double x = swaps ? s : c, y = swaps ? c : s;
    *cosine = octant >= 2 && octant <= 5 ? -x : x;
    *sine = octant >= 4 ? -y : y;
}

void eq_sine_cosine(double angle, double *sine, double *cosine) {
    *sine = *cosine = NAN;
    if (!(fabs(angle) < 0x1p30)) {
        return;
    }
    /* A quarter of a turn in two parts: the first has 32 bits. */
    const double quarter_high = 0x1.921fb544p+0, quarter_low = 0x1.0b4611a626331p-34;
    const double quarters = floor(angle / (quarter_high + quarter_low) + 0.5);
    const double rest = (angle - quarters * quarter_high) - quarters * quarter_low;
    const double s = alternating_series(rest, 1), c = alternating_series(rest, 0);
    const int64_t turn = (int64_t)quarters & 3;
    *sine = turn == 0 ? s : turn == 1 ? c : turn == 2 ? -s : -c;
    *cosine = turn == 0 ? c : turn == 1 ? -s : turn == 2 ? -c : s;
}

/* x = significand * 2^exponent: of the product with 2 / pi, in quarters of a turn, four and more are whole turns, so that 96 bits of 2 / pi
 * from there on are enough. (M. Payne and R. Hanek, Radian reduction for trigonometric functions, 1983) */
int32_t eq_quarters_of_large(float x, double *rest) {
    static const uint32_t digits[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1,
                                      0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab}; /* from 2^31 on */
    *rest = NAN;
    if (!(fabsf(x) <= FLT_MAX)) {
        return 0;
    }
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t significand = (bits & 0x7fffff) | 0x800000;
    const uint32_t begin = 30 + (bits >> 23 & 0xff) - 150, shift = begin % 32; /* the bit that x makes two quarters */
    const uint32_t *word = &digits[begin / 32];
    const uint64_t first = (uint64_t)word[0] << 32 | word[1], second = (uint64_t)word[2] << 32 | word[3];
    const uint64_t high = first << shift | second >> 1 >> (63 - shift), low = second << shift >> 32;
    const uint64_t quarters = significand * high + (significand * low >> 32); /* with 62 fractional bits */
    const uint32_t nearest = (uint32_t)((quarters + (UINT64_C(1) << 61)) >> 62);
    const double left = (double)(int64_t)(quarters - ((uint64_t)nearest << 62)) * (0x1p-62 * 1.57079632679489661923);
    *rest = x < 0 ? -left : left;
    return x < 0 ? -(int32_t)nearest : (int32_t)nearest;
}

/* 0 <= x <= 1: halving the angle twice leaves at most a sixteenth of half a turn, where the series converges fast. */
static double arc_tangent(double x) {
    const double half = x / (1 + sqrt(1 + x * x)), quarter = half / (1 + sqrt(1 + half * half));
    const double square = quarter * quarter;
    double sum = 0;
    for (int k = 25; k > 0; k -= 2) {
        sum = 1.0 / k - sum * square;
    }
    return 4 * quarter * sum;
}

double eq_atan2(double y, double x) {
    const double pi = 3.14159265358979323846, up = fabs(y), along = fabs(x);
    if (!(up + along > 0) || up + along > DBL_MAX) {
        return up + along == 0 ? 0 : NAN;
    }
    double angle = up <= along ? arc_tangent(up / along) : pi / 2 - arc_tangent(along / up);
    angle = x < 0 ? pi - angle : angle;
    return y < 0 ? -angle : angle;
}

/* Near 0 the series of erf, whose terms are all positive; far from it erfc's continued fraction. */
double eq_erfc(double x) {
    const double root_of_pi = 1.7724538509055160273, size = fabs(x);
    if (size < 3) {
        double term = x, sum = x;
        for (int k = 1; k < 90; k++) {
            term *= 2 * x * x / (2 * k + 1);
            sum += term;
        }
        return 1 - 2 / root_of_pi * eq_exp(-x * x) * sum;
    }
    double fraction = size;
    for (int k = 80; k > 0; k--) {
        fraction = size + 0.5 * k / fraction;
    }
    const double y = eq_exp(-x * x) / (root_of_pi * fraction);
    return x < 0 ? 2 - y : y;
}
