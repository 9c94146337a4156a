/* ARMv6's media instructions: a word of four int8 becomes two words of two int16, and SMLAD adds two products of int16 to a
 * sum at once. A machine has 13 registers to give, so a block of 2x2 sums is the largest that stays in them. */
#ifndef EQ_ARMV6_MEDIA_H
#define EQ_ARMV6_MEDIA_H

#include <arm_acle.h>
#include <stdbool.h>

#include "arithmetic/arithmetic.h"

/* Four bytes at any address: LDR may be unaligned on ARMv6, LDM and LDRD not, and memcpy tells the compiler. */
static inline uint32_t load_bytes(const int8_t *in) {
    uint32_t bytes;
    memcpy(&bytes, in, sizeof bytes);
    return bytes;
}

static inline int16x2_t even_bytes(uint32_t bytes) { /* 0 and 2 */
    return __sxtb16(bytes);
}

static inline int16x2_t odd_bytes(uint32_t bytes) { /* 1 and 3 */
    return __sxtb16(bytes >> 8 | bytes << 24);
}

typedef struct output_range {
    int32_t zero_point, min, max;
    bool small; /* as in eq_gemm */
} output_range;

/* out = eq_requantize(acc) of `rows` times four values with the same four scales. With the contract's `small` rounding needs
 * no clamp before it, and SSAT is all of the clamp after it for most tensors. */
static inline void requantize_fours(int32_t (*acc)[4], const float scale[4], output_range range, int8_t (*out)[4],
                                    int32_t rows) {
    if (!range.small) {
        for (int32_t r = 0; r < rows; r++) {
            for (int32_t i = 0; i < 4; i++) {
                out[r][i] = eq_requantize(acc[r][i], scale[i], range.zero_point, range.min, range.max);
            }
        }
        return;
    }
    const float scale0 = scale[0], scale1 = scale[1], scale2 = scale[2], scale3 = scale[3];
    for (int32_t r = 0; r < rows; r++) {
        const float x0 = (float)acc[r][0] * scale0, x1 = (float)acc[r][1] * scale1;
        const float x2 = (float)acc[r][2] * scale2, x3 = (float)acc[r][3] * scale3;
        out[r][0] = (int8_t)__ssat(eq_round(x0) + range.zero_point, 8);
        out[r][1] = (int8_t)__ssat(eq_round(x1) + range.zero_point, 8);
        out[r][2] = (int8_t)__ssat(eq_round(x2) + range.zero_point, 8);
        out[r][3] = (int8_t)__ssat(eq_round(x3) + range.zero_point, 8);
    }
    if (range.min == INT8_MIN && range.max == INT8_MAX) {
        return;
    }
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t i = 0; i < 4; i++) {
            out[r][i] = (int8_t)eq_clamp(out[r][i], range.min, range.max);
        }
    }
}

/* The first `count` of four values. */
static inline void store(int8_t *out, const int8_t values[4], int32_t count) {
    if (count >= 4) {
        memcpy(out, values, 4);
    } else {
        memcpy(out, values, (size_t)count);
    }
}

#endif
