/* What the templates of float products do with vectors of 4 floats. */
#ifndef EQ_NEON_FLOAT_VECTORS_H
#define EQ_NEON_FLOAT_VECTORS_H

#include <arm_neon.h>

#include "kernels/inline.h"

typedef float32x4_t vec;

EQ_INLINE vec load(const float *p) {
    return vld1q_f32(p);
}

EQ_INLINE vec splat(const float *p) {
    return vld1q_dup_f32(p);
}

EQ_INLINE void store(float *p, vec v) {
    vst1q_f32(p, v);
}

EQ_INLINE vec fused(vec w, vec x, vec sum) {
    return vfmaq_f32(sum, w, x);
}

/* Not by FMAX or VMAX, which makes 0 of -0. NaN stays. */
EQ_INLINE vec clamp(vec v, float min, float max) {
    const vec low = vdupq_n_f32(min), high = vdupq_n_f32(max);
    v = vbslq_f32(vcltq_f32(v, low), low, v);
    return vbslq_f32(vcgtq_f32(v, high), high, v);
}

#endif
