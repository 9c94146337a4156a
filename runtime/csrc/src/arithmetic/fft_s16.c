#include <math.h>
#include <stdint.h>

#define NAMED(name) eq_fft_s16_##name
typedef int16_t number;

static number from_real(double x) {
    return (number)floor(0.5 + INT16_MAX * x);
}

static number plus(number a, number b) {
    return (number)(a + b);
}

static number minus(number a, number b) {
    return (number)(a - b);
}

static number negated(number a) {
    return (number)-a;
}

static number half_plus(number a, number b) {
    return (number)((a + b) >> 1);
}

static number half_minus(number a, number b) {
    return (number)((a - b) >> 1);
}

static number rounded(int32_t x) {
    return (number)((x + (1 << 14)) >> 15);
}

static number products_plus(number a, number b, number c, number d) {
    return rounded(a * b + c * d);
}

static number products_minus(number a, number b, number c, number d) {
    return rounded(a * b - c * d);
}

static number divided(number x, int32_t by) {
    return rounded(x * (INT16_MAX / by));
}

static number by_length(number x, int32_t length) {
    (void)length;
    return x;
}

#include "real_fft_template.h"
