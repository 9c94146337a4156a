/* Sums of two scaled tensors. */
#include "elements.h"
#include "set.h"

typedef struct addition {
    int32x4_t bias, a_multiplier, b_multiplier, shift;
    eq_int8_range range;
} addition;

EQ_INLINE addition addition_of(const eq_add *p) {
    return (addition){vdupq_n_s32(p->bias), vdupq_n_s32(p->a_multiplier), vdupq_n_s32(p->b_multiplier),
                      vdupq_n_s32(-p->shift), eq_int8_range_of(p->zero_point, p->min, p->max)};
}

/* The sums of four values each, shifted. */
EQ_INLINE int32x4_t add4(const addition *p, int16x4_t a, int16x4_t b) {
    const int32x4_t sum = vmlaq_s32(p->bias, vmovl_s16(a), p->a_multiplier);
    return vshlq_s32(vmlaq_s32(sum, vmovl_s16(b), p->b_multiplier), p->shift);
}

EQ_INLINE int16x8_t add8(const addition *p, int8x8_t a, int8x8_t b) {
    const int16x8_t wide_a = vmovl_s8(a), wide_b = vmovl_s8(b);
    return vcombine_s16(vqmovn_s32(add4(p, vget_low_s16(wide_a), vget_low_s16(wide_b))),
                        vqmovn_s32(add4(p, vget_high_s16(wide_a), vget_high_s16(wide_b))));
}

EQ_INLINE int8x16_t add16(const addition *p, int8x16_t a, int8x16_t b) {
    return eq_to_int8(&p->range, add8(p, vget_low_s8(a), vget_low_s8(b)), add8(p, vget_high_s8(a), vget_high_s8(b)));
}

void eq_neon_add(const eq_add *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    const addition p = addition_of(parameters);
    for (; n >= 16; n -= 16, a += 16, b += 16, out += 16) vst1q_s8(out, add16(&p, vld1q_s8(a), vld1q_s8(b)));
    if (n) eq_store_part(out, add16(&p, eq_load_part(a, n), eq_load_part(b, n)), n);
}

/* Without a second multiplier: the scalar's product joins the bias. */
EQ_INLINE int16x8_t add8_to_bias(const addition *p, int8x8_t a) {
    const int16x8_t wide = vmovl_s8(a);
    const int32x4_t low = vmlaq_s32(p->bias, vmovl_s16(vget_low_s16(wide)), p->a_multiplier);
    const int32x4_t high = vmlaq_s32(p->bias, vmovl_s16(vget_high_s16(wide)), p->a_multiplier);
    return vcombine_s16(vqmovn_s32(vshlq_s32(low, p->shift)), vqmovn_s32(vshlq_s32(high, p->shift)));
}

EQ_INLINE int8x16_t add16_to_bias(const addition *p, int8x16_t a) {
    return eq_to_int8(&p->range, add8_to_bias(p, vget_low_s8(a)), add8_to_bias(p, vget_high_s8(a)));
}

void eq_neon_add_scalar(const eq_add *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n) {
    addition p = addition_of(parameters);
    p.bias = vaddq_s32(p.bias, vdupq_n_s32(b * parameters->b_multiplier));
    for (; n >= 16; n -= 16, a += 16, out += 16) vst1q_s8(out, add16_to_bias(&p, vld1q_s8(a)));
    if (n) eq_store_part(out, add16_to_bias(&p, eq_load_part(a, n)), n);
}
