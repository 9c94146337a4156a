#include <math.h>
#include <stdint.h>

#define NAMED(name) eq_fft_s32_##name
typedef int32_t number;

static number from_real(double x) {
    return (number)floor(0.5 + INT32_MAX * x);
}

static number plus(number a, number b) {
    return (number)((uint32_t)a + (uint32_t)b);
}

static number minus(number a, number b) {
    return (number)((uint32_t)a - (uint32_t)b);
}

static number negated(number a) {
    return (number)(0 - (uint32_t)a);
}

static number half_plus(number a, number b) {
    return plus(a, b) >> 1;
}

static number half_minus(number a, number b) {
    return minus(a, b) >> 1;
}

static number rounded(int64_t x) {
    return (number)((x + (1 << 30)) >> 31);
}

/* Factors are more than -2^31, so that two products and the rounding are within 64 bits. */
static number products_plus(number a, number b, number c, number d) {
    return rounded((int64_t)a * b + (int64_t)c * d);
}

static number products_minus(number a, number b, number c, number d) {
    return rounded((int64_t)a * b - (int64_t)c * d);
}

static number divided(number x, int32_t by) {
    return rounded((int64_t)x * (INT32_MAX / by));
}

static number by_length(number x, int32_t length) {
    (void)length;
    return x;
}

#include "real_fft_template.h"
