/* Vectors of 4 floats, for the templates of float products. NEON of 32-bit systems takes numbers below 2^-126
 * for 0. */
#ifndef EQ_NEON32_FLOATS_H
#define EQ_NEON32_FLOATS_H

#include <arm_neon.h>

#include "kernels/inline.h"

typedef float32x4_t vec;
enum { LANES = 4, VECTORS = 2, ROWS = 4, PIXELS = 2 };
#define MOST_ROWS 4
#define PREFIX(name) eq_neon32_##name

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

/* Not by VMAX, which makes 0 of -0. NaN stays. */
EQ_INLINE vec clamp(vec v, float min, float max) {
    const vec low = vdupq_n_f32(min), high = vdupq_n_f32(max);
    v = vbslq_f32(vcltq_f32(v, low), low, v);
    return vbslq_f32(vcgtq_f32(v, high), high, v);
}

#endif
