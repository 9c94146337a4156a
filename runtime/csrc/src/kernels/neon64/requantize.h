/* From int32 sums to int8 outputs on AArch64, as eq_requantize(): the end of every matrix product and convolution.
 *
 * If the sums are `small` no conversion instruction is needed: they carry the bits of 1.5 * 2^23, which packing adds to the bias
 * (eq_bias_bits), so that read as a float they are 1.5 * 2^23 + sum, and adding 1.5 * 2^23 to the product with the scale rounds
 * it into the low bits, of which 16 are all. An even zero point is added with it, which leaves ties where they are; what an odd
 * one has more is added to the 16 bits. Otherwise FCVTNS rounds to nearest, ties to even, and saturates.
 *
 * Where the zero point is -128, as after a ReLU, no sum below 0 counts, and the sums carry the bits of 2^23: as a float 2^23 + sum,
 * or 2^23 + sum / 2 below 0. The product with the scale less 2^23 times the scale, which is a float, is then one fused operation, and
 * rounded as the product with the sum is. */
#ifndef EQ_NEON64_REQUANTIZE_H
#define EQ_NEON64_REQUANTIZE_H

#include "kernels/neon/elements.h"

/* What packing adds to a bias, wrapping. */
EQ_INLINE int32_t eq_bias_bits(bool small, int32_t zero_point) {
    enum { MAGIC = 0x4b400000, MAGIC_FROM_0 = 0x4b000000 };
    return !small ? 0 : zero_point == -128 ? MAGIC_FROM_0 : MAGIC;
}

/* What a fused product of a small sum and its scale begins with, where the zero point is -128. */
EQ_INLINE float eq_fused_start(float scale) {
    return -8388608.0f * scale;
}

typedef struct eq_output_stage {
    int16x8_t zero_point; /* what is left to add to scaled values */
    int8x8_t min, max;
    bool bounded; /* min or max says more than int8 does */
    bool plain;   /* scaled values need only to be saturated */
    bool small;
    bool fused;                  /* small sums, none below 0 counts, plain */
    float32x4_t magic, rounding; /* what small sums carry, and 1.5 * 2^23 with the even part of the zero point */
} eq_output_stage;

EQ_INLINE eq_output_stage eq_output_stage_of(int32_t zero_point, int32_t min, int32_t max, bool small) {
    const int32_t left = small ? zero_point & 1 : zero_point;
    const bool is_whole_range = min == -128 && max == 127;
    const float32x4_t whole = vdupq_n_f32(12582912.0f + (float)(zero_point - left));
    float32x4_t magic = vdupq_n_f32(zero_point == -128 ? 8388608.0f : 12582912.0f);
    __asm__("" : "+w"(magic)); /* a register, not two instructions that make the constant for every tile */
    return (eq_output_stage){
        .zero_point = vdupq_n_s16((int16_t)left),
        .min = vdup_n_s8((int8_t)min),
        .max = vdup_n_s8((int8_t)max),
        .plain = left == 0 && is_whole_range,
        .bounded = !is_whole_range,
        .small = small,
        .fused = small && zero_point == -128 && is_whole_range,
        .magic = magic,
        .rounding = whole,
    };
}

/* Two vectors of sums, scaled and rounded. */
EQ_INLINE int16x8_t eq_scale_small(const eq_output_stage *stage, int32x4_t low, int32x4_t high, float32x4_t scale_low,
                                   float32x4_t scale_high) {
    const float32x4_t magic = stage->magic, rounding = stage->rounding;
    const float32x4_t x = vaddq_f32(vmulq_f32(vsubq_f32(vreinterpretq_f32_s32(low), magic), scale_low), rounding);
    const float32x4_t y = vaddq_f32(vmulq_f32(vsubq_f32(vreinterpretq_f32_s32(high), magic), scale_high), rounding);
    return vuzp1q_s16(vreinterpretq_s16_f32(x), vreinterpretq_s16_f32(y));
}

EQ_INLINE int16x8_t eq_scale_any(int32x4_t low, int32x4_t high, float32x4_t scale_low, float32x4_t scale_high) {
    return eq_round_saturated(vmulq_f32(vcvtq_f32_s32(low), scale_low), vmulq_f32(vcvtq_f32_s32(high), scale_high));
}

EQ_INLINE float32x4_t eq_fused_starts(float32x4_t scale) {
    return vmulq_n_f32(scale, -8388608.0f);
}

/* The same where the stage is `fused`. */
EQ_INLINE int16x8_t eq_scale_fused(const eq_output_stage *stage, const int32x4_t sums[2], const float32x4_t start[2],
                                   const float32x4_t scale[2]) {
    const float32x4_t x = vaddq_f32(vfmaq_f32(start[0], vreinterpretq_f32_s32(sums[0]), scale[0]), stage->rounding);
    const float32x4_t y = vaddq_f32(vfmaq_f32(start[1], vreinterpretq_f32_s32(sums[1]), scale[1]), stage->rounding);
    return vuzp1q_s16(vreinterpretq_s16_f32(x), vreinterpretq_s16_f32(y));
}

/* `rows` vectors of eight columns: scaled values become outputs at pixels[r] + column. */
EQ_INLINE void eq_store_rows(const eq_output_stage *stage, const int16x8_t *scaled, int8_t *const *pixels, ptrdiff_t column,
                             const int rows) {
    int8x8_t values[8];
    if (stage->plain) {
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            values[r] = vqmovn_s16(scaled[r]);
        }
    } else {
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            values[r] = vqmovn_s16(vqaddq_s16(scaled[r], stage->zero_point));
        }
        if (stage->bounded) {
            EQ_UNROLL
            for (int r = 0; r < rows; r++) {
                values[r] = vmin_s8(vmax_s8(values[r], stage->min), stage->max);
            }
        }
    }
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        vst1_s8(pixels[r] + column, values[r]);
    }
}

/* 16 scaled values; `plain` is known to be stage->plain. */
EQ_INLINE int8x16_t eq_to_outputs(const eq_output_stage *stage, int16x8_t low, int16x8_t high, const bool plain) {
    if (plain) {
        return vqmovn_high_s16(vqmovn_s16(low), high);
    }
    low = vqaddq_s16(low, stage->zero_point), high = vqaddq_s16(high, stage->zero_point);
    const int8x16_t values = vqmovn_high_s16(vqmovn_s16(low), high);
    return vminq_s8(vmaxq_s8(values, vcombine_s8(stage->min, stage->min)), vcombine_s8(stage->max, stage->max));
}

#endif
