/* The mix of four pixels. */
#include "elements.h"
#include "set.h"

typedef struct weights {
    int16_t right;
    int32_t bottom;
} weights;

/* Two pixels of a row, of 2048. */
EQ_INLINE int32x4_t mix_row(int16x4_t left, int16x4_t right, int16_t weight) {
    return vmlal_n_s16(vshll_n_s16(left, 11), vsub_s16(right, left), weight);
}

EQ_INLINE int16x4_t mix4(int16x4_t a, int16x4_t b, int16x4_t c, int16x4_t d, weights w) {
    const int32x4_t above = mix_row(a, b, w.right), below = mix_row(c, d, w.right);
    const int32x4_t mix = vmlaq_n_s32(vshlq_n_s32(above, 11), vsubq_s32(below, above), w.bottom);
    return vmovn_s32(vrshrq_n_s32(mix, 22));
}

EQ_INLINE int8x8_t mix8(int8x8_t a, int8x8_t b, int8x8_t c, int8x8_t d, weights w) {
    const int16x8_t x = vmovl_s8(a), y = vmovl_s8(b), z = vmovl_s8(c), v = vmovl_s8(d);
    return vmovn_s16(vcombine_s16(mix4(vget_low_s16(x), vget_low_s16(y), vget_low_s16(z), vget_low_s16(v), w),
                                  mix4(vget_high_s16(x), vget_high_s16(y), vget_high_s16(z), vget_high_s16(v), w)));
}

EQ_INLINE int8x16_t mix16(int8x16_t a, int8x16_t b, int8x16_t c, int8x16_t d, weights w) {
    return vcombine_s8(mix8(vget_low_s8(a), vget_low_s8(b), vget_low_s8(c), vget_low_s8(d), w),
                       mix8(vget_high_s8(a), vget_high_s8(b), vget_high_s8(c), vget_high_s8(d), w));
}

void eq_neon_bilinear(const int8_t *const corners[4], int32_t right, int32_t bottom, int32_t channels, int8_t *out) {
    const int8_t *a = corners[0], *b = corners[1], *c = corners[2], *d = corners[3];
    const weights w = {(int16_t)right, bottom};
    for (; channels >= 16; channels -= 16, a += 16, b += 16, c += 16, d += 16, out += 16) {
        vst1q_s8(out, mix16(vld1q_s8(a), vld1q_s8(b), vld1q_s8(c), vld1q_s8(d), w));
    }
    if (channels) {
        const size_t n = (size_t)channels;
        eq_store_part(out, mix16(eq_load_part(a, n), eq_load_part(b, n), eq_load_part(c, n), eq_load_part(d, n), w), n);
    }
}
