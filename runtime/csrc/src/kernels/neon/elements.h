/* What the elementwise kernels of ARMv7 and AArch64 share: parts of a vector at the end, and rounding. */
#ifndef EQ_NEON_ELEMENTS_H
#define EQ_NEON_ELEMENTS_H

#include <arm_neon.h>
#include <string.h>

#include "kernels/kernels.h"

#include "kernels/inline.h"

/* The first n (at most 16) of 16 values; the others are 0 or kept. */
EQ_INLINE int8x16_t eq_load_part(const int8_t *from, size_t n) {
    int8_t part[16] = {0};
    memcpy(part, from, n);
    return vld1q_s8(part);
}

EQ_INLINE void eq_store_part(int8_t *to, int8x16_t values, size_t n) {
    int8_t part[16];
    vst1q_s8(part, values);
    memcpy(to, part, n);
}

/* The nearest integers, ties to even, saturated to 16 bits or (ARMv7) to a range that is wider than int8 by far. */
EQ_INLINE int16x8_t eq_round_saturated(float32x4_t low, float32x4_t high) {
#ifdef __aarch64__
    return vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(low)), vqmovn_s32(vcvtnq_s32_f32(high)));
#else
    const float32x4_t magic = vdupq_n_f32(12582912.0f), least = vdupq_n_f32(-16384.0f), most = vdupq_n_f32(16384.0f);
    const float32x4_t x = vaddq_f32(vminq_f32(vmaxq_f32(low, least), most), magic);
    const float32x4_t y = vaddq_f32(vminq_f32(vmaxq_f32(high, least), most), magic);
    return vcombine_s16(vmovn_s32(vreinterpretq_s32_f32(x)), vmovn_s32(vreinterpretq_s32_f32(y)));
#endif
}

typedef struct eq_int8_range {
    int16x8_t zero_point;
    int8x16_t min, max;
} eq_int8_range;

EQ_INLINE eq_int8_range eq_int8_range_of(int32_t zero_point, int32_t min, int32_t max) {
    return (eq_int8_range){vdupq_n_s16((int16_t)zero_point), vdupq_n_s8((int8_t)min), vdupq_n_s8((int8_t)max)};
}

/* Add the zero point and clamp. */
EQ_INLINE int8x16_t eq_to_int8(const eq_int8_range *range, int16x8_t low, int16x8_t high) {
    const int8x16_t values =
        vcombine_s8(vqmovn_s16(vqaddq_s16(low, range->zero_point)), vqmovn_s16(vqaddq_s16(high, range->zero_point)));
    return vminq_s8(vmaxq_s8(values, range->min), range->max);
}

#endif
