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
