#include "fixed_point.h"

#include <math.h>

eq_fixed eq_fixed_from(double real) {
    if (!(fabs(real) < 0x1p30)) {
        return (eq_fixed){real < 0 ? -INT32_MAX : INT32_MAX, 30};
    }
    int exponent;
    int64_t multiplier = (int64_t)round(frexp(real, &exponent) * 0x1p31);
    if (multiplier == INT64_C(1) << 31 || multiplier == -(INT64_C(1) << 31)) {
        multiplier /= 2;
        exponent += 1;
    }
    if (exponent < -31) {
        return (eq_fixed){0, 0};
    }
    return (eq_fixed){(int32_t)multiplier, exponent};
}

static int32_t shift_left_saturating(int32_t x, int32_t exponent) {
    const int64_t y = (int64_t)x * (INT64_C(1) << exponent);
    return (int32_t)(y > INT32_MAX ? INT32_MAX : y < INT32_MIN ? INT32_MIN : y);
}

/* Numbers with 2 integer bits below: 1 is 2^29. */
int32_t eq_fixed_inverse_of_sum(int32_t x) {
    const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t y = eq_add_wrapping(1515870810, eq_doubling_high_product(half, -1010580540)); /* 48/17 - 32/17 * half */
    for (int i = 0; i < 3; i++) {
        const int32_t error = (1 << 29) - eq_doubling_high_product(half, y);
        y = eq_add_wrapping(y, shift_left_saturating(eq_doubling_high_product(y, error), 2));
    }
    return shift_left_saturating(y, 1);
}

eq_fixed eq_fixed_inverse_square_root(int32_t x) {
    if (x <= 1) {
        return (eq_fixed){INT32_MAX, 0};
    }
    int32_t shift = 11; /* to the right */
    for (; x >= 1 << 29; shift++) {
        x /= 4;
    }
    for (; x < 1 << 27; shift--) {
        x *= 4;
    }
    /* Numbers below have 3 integer bits: 1 is 2^28. Products have the sum of their factors' integer bits. */
    const int32_t half = eq_divide_by_power_of_two(x >> 1, 1), three_halves = (1 << 28) + (1 << 27);
    int32_t y = 1 << 28;
    for (int i = 0; i < 5; i++) {
        const int32_t square = eq_doubling_high_product(y, y);
        const int32_t cube = shift_left_saturating(eq_doubling_high_product(square, y), 6);
        y = shift_left_saturating(
            eq_add_wrapping(eq_doubling_high_product(three_halves, y), -eq_doubling_high_product(half, cube)), 3);
    }
    y = eq_doubling_high_product(y, 1518500250); /* sqrt(1/2) */
    if (shift < 0) {
        return (eq_fixed){eq_shift_left(y, -shift), 0};
    }
    return (eq_fixed){y, -shift};
}
