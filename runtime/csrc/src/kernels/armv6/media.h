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

/* out[r][offset + i] = eq_requantize(acc[r][i]) with the contract's `small`: rounding needs no clamp before it, and what is
 * rounded fits int16. VMLA rounds the product and then its sum with 1.5 * 2^23 (as in eq_round), whose low half is the integer. */
static inline void requantize_small(const int32_t (*acc)[4], const float scale[4], int32_t zero_point, int8_t *const *out,
                                    ptrdiff_t offset, int32_t rows) {
    const uint32_t zero_points = (uint32_t)zero_point << 16 | (uint16_t)zero_point;
    static const float magic[4] = {12582912.0f, 12582912.0f, 12582912.0f, 12582912.0f};
    uint32_t a, b, c, d;
    __asm__ volatile(
        "vldmia %[scale], {s12-s15}\n\t"
        "0:\n\t"
        "vldmia %[acc]!, {s8-s11}\n\t"
        "vldmia %[magic], {s4-s7}\n\t"
        "vcvt.f32.s32 s8, s8\n\t"
        "vcvt.f32.s32 s9, s9\n\t"
        "vcvt.f32.s32 s10, s10\n\t"
        "vcvt.f32.s32 s11, s11\n\t"
        "vmla.f32 s4, s8, s12\n\t"
        "vmla.f32 s5, s9, s13\n\t"
        "vmla.f32 s6, s10, s14\n\t"
        "vmla.f32 s7, s11, s15\n\t"
        "cmp %[acc], %[end]\n\t"
        "vmov %[a], %[b], s4, s5\n\t"
        "vmov %[c], %[d], s6, s7\n\t"
        "pkhbt %[a], %[a], %[c], lsl #16\n\t"
        "ldr %[c], [%[out]], #4\n\t"
        "pkhbt %[b], %[b], %[d], lsl #16\n\t"
        "sadd16 %[a], %[a], %[zero_points]\n\t"
        "sadd16 %[b], %[b], %[zero_points]\n\t"
        "ssat16 %[a], #8, %[a]\n\t"
        "ssat16 %[b], #8, %[b]\n\t"
        "uxtb16 %[a], %[a]\n\t"
        "uxtb16 %[b], %[b]\n\t"
        "orr %[a], %[a], %[b], lsl #8\n\t"
        "str %[a], [%[c], %[offset]]\n\t"
        "bne 0b"
        : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [acc] "+&r"(acc), [out] "+&r"(out)
        : [scale] "r"(scale), [end] "r"(acc + rows), [magic] "r"(magic), [zero_points] "r"(zero_points), [offset] "r"(offset)
        : "cc", "memory", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15");
}

/* The first `count` of four values of each of `rows` rows, at least one. */
static inline void requantize_fours(const int32_t (*acc)[4], const float scale[4], output_range range, int8_t *const *out,
                                    ptrdiff_t offset, int32_t count, int32_t rows) {
    const bool whole = count >= 4;
    if (range.small && whole) {
        requantize_small(acc, scale, range.zero_point, out, offset, rows);
    }
    const bool clamp = range.small && (range.min != INT8_MIN || range.max != INT8_MAX);
    if (range.small && whole && !clamp) {
        return;
    }
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t i = 0; i < 4 && i < count; i++) {
            int8_t *value = out[r] + offset + i;
            *value = range.small && whole ? (int8_t)eq_clamp(*value, range.min, range.max)
                                          : eq_requantize(acc[r][i], scale[i], range.zero_point, range.min, range.max);
        }
    }
}

#endif
