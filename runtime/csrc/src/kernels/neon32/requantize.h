/* From int32 sums to int8 outputs on ARMv7, as eq_requantize(): the end of every matrix product and convolution.
 *
 * NEON converts floats to integers only towards zero, so both ways round as eq_round() does, by adding 1.5 * 2^23. If the sums
 * are `small` the low 16 bits of that are all of the result, and saturating integers clamp it; else floats are clamped first.
 *
 * ARMv7's NEON replaces denormals by 0. A scale or product below 2^-126 rounds to 0 with or without that. */
#ifndef EQ_NEON32_REQUANTIZE_H
#define EQ_NEON32_REQUANTIZE_H

#include <arm_neon.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/inline.h"

typedef struct eq_output_stage {
    float low, high; /* min and max, before the zero point is added */
    int16x8_t zero_point;
    int8x8_t min, max;
} eq_output_stage;

EQ_INLINE eq_output_stage eq_output_stage_of(int32_t zero_point, int32_t min, int32_t max) {
    return (eq_output_stage){(float)(min - zero_point), (float)(max - zero_point), vdupq_n_s16((int16_t)zero_point),
                             vdup_n_s8((int8_t)min), vdup_n_s8((int8_t)max)};
}

EQ_INLINE int16x4_t eq_scale_and_round(const eq_output_stage *stage, int32x4_t sums, float32x4_t scale, const bool small) {
    float32x4_t x = vmulq_f32(vcvtq_f32_s32(sums), scale);
    if (!small) {
        x = vminq_f32(vmaxq_f32(x, vdupq_n_f32(stage->low)), vdupq_n_f32(stage->high));
    }
    return vmovn_s32(vreinterpretq_s32_f32(vaddq_f32(x, vdupq_n_f32(12582912.0f))));
}

EQ_INLINE int8x8_t eq_requantize_8(const eq_output_stage *stage, const int32x4_t sums[2], const float32x4_t scale[2],
                                   const bool small) {
    const int16x8_t rounded =
        vcombine_s16(eq_scale_and_round(stage, sums[0], scale[0], small), eq_scale_and_round(stage, sums[1], scale[1], small));
    const int8x8_t values = vqmovn_s16(vqaddq_s16(rounded, stage->zero_point));
    return vmin_s8(vmax_s8(values, stage->min), stage->max);
}

/* The first `count`, at most 8, of the values. */
EQ_INLINE void eq_store_8(int8_t *out, int8x8_t values, int32_t count) {
    if (count >= 8) {
        vst1_s8(out, values);
    } else {
        int8_t part[8];
        vst1_s8(part, values);
        memcpy(out, part, (size_t)count);
    }
}

#endif
