/* Vectors of 8 float16, for the templates of float products. */
#ifndef EQ_FP16_HALVES_H
#define EQ_FP16_HALVES_H

#include <arm_neon.h>

#include "arithmetic/half.h"
#include "kernels/inline.h"

typedef uint16_t value;
typedef float16x8_t vec;
enum { LANES = 8, VECTORS = 2, ROWS = 8, PIXELS = 4 };
#define MOST_ROWS 8
#define PADDED_ROWS
#define CHAIN EQ_F16_CHAIN
#define FLOAT_NAME(kernel, name) eq_fp16_##kernel##_f16_##name
#define BINARY_NAME(name) eq_fp16_##name##_f16

EQ_INLINE value to_value(float x) {
    return eq_half_from_float(x);
}

EQ_INLINE vec load(const value *p) {
    return vreinterpretq_f16_u16(vld1q_u16(p));
}

EQ_INLINE vec splat(const value *p) {
    return vreinterpretq_f16_u16(vld1q_dup_u16(p));
}

EQ_INLINE vec zero(void) {
    return vreinterpretq_f16_u16(vdupq_n_u16(0));
}

EQ_INLINE void store(value *p, vec v) {
    vst1q_u16(p, vreinterpretq_u16_f16(v));
}

EQ_INLINE vec fused(vec w, vec x, vec sum) {
    return vfmaq_f16(sum, w, x);
}

EQ_INLINE vec sum_of(vec a, vec b) {
    return vaddq_f16(a, b);
}

EQ_INLINE vec difference_of(vec a, vec b) {
    return vsubq_f16(a, b);
}

EQ_INLINE vec product_of(vec a, vec b) {
    return vmulq_f16(a, b);
}

EQ_INLINE void add_wide(float *wide, vec sum) {
    vst1q_f32(wide, vaddq_f32(vld1q_f32(wide), vcvt_f32_f16(vget_low_f16(sum))));
    vst1q_f32(wide + 4, vaddq_f32(vld1q_f32(wide + 4), vcvt_high_f32_f16(sum)));
}

EQ_INLINE vec narrow_sum(const float *wide) {
    return vcvt_high_f16_f32(vcvt_f16_f32(vld1q_f32(wide)), vld1q_f32(wide + 4));
}

/* Bounds are float16 numbers. Of zeros that differ in sign FMAX takes 0, as `<=` does. NaN stays. */
EQ_INLINE vec clamp(vec v, float min, float max) {
    return vminq_f16(vmaxq_f16(v, vdupq_n_f16((float16_t)min)), vdupq_n_f16((float16_t)max));
}

#endif
