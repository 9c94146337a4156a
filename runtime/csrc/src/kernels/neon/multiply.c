/* Products of two tensors: of 9-bit differences from their zero points. */
#include "elements.h"
#include "set.h"

typedef struct multiplication {
    int8x8_t a_zero_point, b_zero_point;
    float32x4_t scale;
    eq_int8_range range;
} multiplication;

EQ_INLINE multiplication multiplication_of(const eq_multiply *p) {
    return (multiplication){vdup_n_s8((int8_t)p->a_zero_point), vdup_n_s8((int8_t)p->b_zero_point), vdupq_n_f32(p->scale),
                            eq_int8_range_of(p->zero_point, p->min, p->max)};
}

EQ_INLINE int16x8_t multiply8(const multiplication *p, int8x8_t a, int16x8_t b) {
    const int16x8_t x = vsubl_s8(a, p->a_zero_point);
    const int32x4_t low = vmull_s16(vget_low_s16(x), vget_low_s16(b));
    const int32x4_t high = vmull_s16(vget_high_s16(x), vget_high_s16(b));
    return eq_round_saturated(vmulq_f32(vcvtq_f32_s32(low), p->scale), vmulq_f32(vcvtq_f32_s32(high), p->scale));
}

EQ_INLINE int8x16_t multiply16(const multiplication *p, int8x16_t a, int8x16_t b) {
    return eq_to_int8(&p->range, multiply8(p, vget_low_s8(a), vsubl_s8(vget_low_s8(b), p->b_zero_point)),
                      multiply8(p, vget_high_s8(a), vsubl_s8(vget_high_s8(b), p->b_zero_point)));
}

void eq_neon_multiply(const eq_multiply *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    const multiplication p = multiplication_of(parameters);
    for (; n >= 16; n -= 16, a += 16, b += 16, out += 16) {
        vst1q_s8(out, multiply16(&p, vld1q_s8(a), vld1q_s8(b)));
    }
    if (n) {
        eq_store_part(out, multiply16(&p, eq_load_part(a, n), eq_load_part(b, n)), n);
    }
}

void eq_neon_multiply_scalar(const eq_multiply *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n) {
    const multiplication p = multiplication_of(parameters);
    const int8x16_t all = vdupq_n_s8(b);
    for (; n >= 16; n -= 16, a += 16, out += 16) {
        vst1q_s8(out, multiply16(&p, vld1q_s8(a), all));
    }
    if (n) {
        eq_store_part(out, multiply16(&p, eq_load_part(a, n), all), n);
    }
}
