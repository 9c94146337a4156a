#define NAMED(name) eq_fft_f32_##name
typedef float number;

static number from_real(double x) {
    return (number)x;
}

static number plus(number a, number b) {
    return a + b;
}

static number minus(number a, number b) {
    return a - b;
}

static number negated(number a) {
    return -a;
}

static number half_plus(number a, number b) {
    return (a + b) * 0.5f;
}

static number half_minus(number a, number b) {
    return (a - b) * 0.5f;
}

static number products_plus(number a, number b, number c, number d) {
    return a * b + c * d;
}

static number products_minus(number a, number b, number c, number d) {
    return a * b - c * d;
}

static number divided(number x, int by) {
    (void)by;
    return x;
}

static number by_length(number x, int length) {
    return x / (number)length;
}

#include "real_fft_template.h"
