/* Sums of two scaled tensors. A multiplier, 22 bits and a sign, is 128 * high + low: the products with the low parts (7 bits)
 * of both fit 16 bits together, and 128 * a times the high part is a product of 16 bits by 16. Of a sum that is shifted by 16 or
 * more only the upper half counts; the scalar kernel has the others, where an input's step makes 32 or more of the output. */
#include "elements.h"
#include "kernels/scalar/set.h"
#include "set.h"

typedef struct addition {
    int32x4_t bias;
    int16x8_t shift; /* of the upper half */
    int8x8_t a_low, b_low;
    int16x4_t a_high, b_high;
    eq_int8_range range;
    bool plain; /* shifted sums need only to be saturated */
} addition;

/* The zero point joins the bias before the shift if it fits: it is below 2^28 then, and the sum without it below 2^30. */
EQ_INLINE addition addition_of(const eq_add *p) {
    const bool joins = p->shift <= 21;
    return (addition){
        .bias = vdupq_n_s32(p->bias + (joins ? p->zero_point * (1 << p->shift) : 0)),
        .shift = vdupq_n_s16((int16_t)(16 - p->shift)),
        .a_low = vdup_n_s8((int8_t)(p->a_multiplier & 127)),
        .b_low = vdup_n_s8((int8_t)(p->b_multiplier & 127)),
        .a_high = vdup_n_s16((int16_t)(p->a_multiplier >> 7)),
        .b_high = vdup_n_s16((int16_t)(p->b_multiplier >> 7)),
        .range = eq_int8_range_of(joins ? 0 : p->zero_point, p->min, p->max),
        .plain = joins && p->min == -128 && p->max == 127,
    };
}

EQ_INLINE int16x8_t upper_halves(int32x4_t low, int32x4_t high) {
    const int16x8_t a = vreinterpretq_s16_s32(low), b = vreinterpretq_s16_s32(high);
#ifdef __aarch64__
    return vuzp2q_s16(a, b);
#else
    return vuzpq_s16(a, b).val[1];
#endif
}

EQ_INLINE int16x8_t add8(const addition *p, int8x8_t a, int8x8_t b) {
    const int16x8_t low_parts = vmlal_s8(vmull_s8(a, p->a_low), b, p->b_low);
    const int16x8_t wide_a = vshll_n_s8(a, 7), wide_b = vshll_n_s8(b, 7);
    int32x4_t low = vaddw_s16(p->bias, vget_low_s16(low_parts)), high = vaddw_s16(p->bias, vget_high_s16(low_parts));
    __asm__("" : "+w"(low), "+w"(high)); /* or compilers add the products first, to a copy of the bias */
    low = vmlal_s16(vmlal_s16(low, vget_low_s16(wide_a), p->a_high), vget_low_s16(wide_b), p->b_high);
    high = vmlal_s16(vmlal_s16(high, vget_high_s16(wide_a), p->a_high), vget_high_s16(wide_b), p->b_high);
    return vshlq_s16(upper_halves(low, high), p->shift);
}

EQ_INLINE int8x16_t add16(const addition *p, int8x16_t a, int8x16_t b, const bool plain) {
    const int16x8_t low = add8(p, vget_low_s8(a), vget_low_s8(b)), high = add8(p, vget_high_s8(a), vget_high_s8(b));
    return plain ? vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)) : eq_to_int8(&p->range, low, high);
}

void eq_neon_add(const eq_add *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    if (parameters->shift < 16) {
        eq_scalar_add(parameters, a, b, out, n);
        return;
    }
    const addition p = addition_of(parameters);
    size_t left = n;
#ifdef __aarch64__
    for (; p.plain && left >= 64; left -= 64, out += 64) { /* loads and stores of four vectors */
        int8x16x4_t x = vld1q_s8_x4(a), y = vld1q_s8_x4(b), sums;
        a += 64, b += 64;
        __asm__("" : "+r"(a), "+r"(b)); /* by the loads themselves */
        EQ_UNROLL
        for (int i = 0; i < 4; i++) {
            sums.val[i] = add16(&p, x.val[i], y.val[i], true);
            /* One after the other: all at once are no registers for. */
            __asm__("" : "+w"(sums.val[i]), "+w"(y.val[i < 3 ? i + 1 : i]));
        }
        vst1q_s8_x4(out, sums);
    }
#endif
    for (; left >= 16; left -= 16, a += 16, b += 16, out += 16) {
        vst1q_s8(out, add16(&p, vld1q_s8(a), vld1q_s8(b), false));
    }
    if (left > 0) {
        eq_store_part(out, add16(&p, eq_load_part(a, left), eq_load_part(b, left), false), left);
    }
}

void eq_neon_add_scalar(const eq_add *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n) {
    if (parameters->shift < 16) {
        eq_scalar_add_scalar(parameters, a, b, out, n);
        return;
    }
    const addition p = addition_of(parameters);
    const int8x16_t all = vdupq_n_s8(b);
    const size_t whole = n / 16 * 16;
    size_t i = 0;
    for (; i != whole; i += 16) {
        vst1q_s8(out + i, add16(&p, vld1q_s8(a + i), all, false));
    }
    if (i < n) {
        eq_store_part(out + i, add16(&p, eq_load_part(a + i, n - i), all, false), n - i);
    }
}
