/* ARMv6's media instructions: a word of four int8 becomes two words of two int16, and SMLAD adds two products of int16 to a
 * sum at once. A machine has 13 registers to give, so a block of 2x2 sums is the largest that stays in them. */
#ifndef EQ_ARMV6_MEDIA_H
#define EQ_ARMV6_MEDIA_H

#include <arm_acle.h>

#include "../../arithmetic.h"

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
    return __sxtb16(__ror(bytes, 8));
}

typedef struct output_range {
    int32_t zero_point, min, max;
} output_range;

/* eq_requantize() of a sum with the contract's `small`: rounding needs no clamp before it, and SSAT is all of the one after
 * it for most tensors. */
static inline int8_t requantize_small(int32_t acc, float scale, output_range range) {
    const int32_t value = eq_round((float)acc * scale) + range.zero_point;
    if (range.min == INT8_MIN && range.max == INT8_MAX) return (int8_t)__ssat(value, 8);
    return (int8_t)eq_clamp(value, range.min, range.max);
}

#endif
