/* Floats of 16 bits: IEEE's half precision, and bfloat16, the upper half of a float32. Rounded to nearest, ties to even. */
#ifndef EQ_HALF_H
#define EQ_HALF_H

#include <stdint.h>
#include <string.h>

static inline float eq_float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t eq_bits_of_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float eq_half_to_float(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
    if (rest >= 0x7c00) { /* infinity, or a NaN, which becomes a quiet one */
        return eq_float_of_bits(sign | 0x7f800000 | rest << 13 | (rest > 0x7c00 ? 1u << 22 : 0));
    }
    /* As a float of the same digits it is 2^112 too small; the product also makes subnormal numbers normal. */
    return eq_float_of_bits(sign | eq_bits_of_float(eq_float_of_bits(rest << 13) * 0x1p112f));
}

static inline uint16_t eq_half_from_float(float x) {
    const uint32_t bits = eq_bits_of_float(x), size = bits & 0x7fffffff, sign = bits >> 16 & 0x8000;
    if (size > 0x7f800000) {
        return (uint16_t)(sign | 0x7e00);
    }
    if (size >= 0x477ff000) { /* 65520: what rounds to 2^16 */
        return (uint16_t)(sign | 0x7c00);
    }
    if (size < 0x38800000) { /* under 2^-14: the sum leaves the digits that a subnormal half has */
        const float sum = eq_float_of_bits(size) + 0.5f;
        return (uint16_t)(sign | (eq_bits_of_float(sum) - 0x3f000000));
    }
    const uint32_t rounded = size + 0xfff + (size >> 13 & 1);
    return (uint16_t)(sign | (rounded - 0x38000000) >> 13);
}

/* A number rounded to float16, once, as a float. */
static inline float eq_half_rounded(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t sign = bits & (uint64_t)1 << 63, size = bits ^ sign;
    if (size > (uint64_t)0x7ff << 52) { /* NaN */
        return (float)x;
    }
    double rounded;
    if (size < (uint64_t)(1023 - 14) << 52) { /* subnormal: the sum leaves the digits down to 2^-24 */
        memcpy(&rounded, &size, sizeof rounded);
        rounded = (rounded + 0x1p28) - 0x1p28;
    } else {
        const uint64_t kept = (size + (((uint64_t)1 << 41) - 1) + (size >> 42 & 1)) >> 42 << 42;
        memcpy(&rounded, &kept, sizeof rounded);
        rounded = rounded >= 0x1p16 ? (double)__builtin_inff() : rounded;
    }
    return (float)(sign ? -rounded : rounded);
}

/* a * b + c of float16 numbers, rounded once: the product is exact in double, and where the sum is not, it is far from halfway between
 * two float16 numbers, since then the product is less than 2^-30 of c. */
static inline float eq_half_fused(float a, float b, float c) {
    return eq_half_rounded((double)a * (double)b + (double)c);
}

static inline float eq_bfloat_to_float(uint16_t half) {
    return eq_float_of_bits((uint32_t)half << 16);
}

static inline uint16_t eq_bfloat_from_float(float x) {
    const uint32_t bits = eq_bits_of_float(x);
    if ((bits & 0x7fffffff) > 0x7f800000) {
        return (uint16_t)(bits >> 16 | 0x40);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
