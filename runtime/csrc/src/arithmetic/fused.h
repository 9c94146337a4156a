/* Multiplication and addition with one rounding, which all kernels of float products are made of: the same bits on every CPU
 * that has the instruction, and here without it. */
#ifndef EQ_FUSED_H
#define EQ_FUSED_H

#include <stdint.h>
#include <string.h>

/* a * b + c, rounded once. */
static inline float eq_fused(float a, float b, float c) {
#if defined(__FP_FAST_FMAF) || defined(__aarch64__)
    return __builtin_fmaf(a, b, c);
#else
    const double product = (double)a * b; /* exact */
    double sum = product + c;
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    /* Rounded twice, it is wrong only where the first rounding met the middle between two floats. The error says on which side the
     * sum was. */
    const int64_t below_float = (1 << 29) - 1, middle = 1 << 28;
    if ((bits & below_float) == middle && sum - sum == 0 && !(sum - product == c && sum - c == product)) {
        const double size = product < 0 ? -product : product, other = c < 0 ? -c : c;
        const double error = size > other ? (product - sum) + c : (c - sum) + product;
        bits += (error > 0) == (sum > 0) ? 1 : -1;
        memcpy(&sum, &bits, sizeof sum);
    }
    return (float)sum;
#endif
}

#endif
