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

/* Of zeros that differ in sign FMAX takes 0, as `<=` does. NaN stays. */
EQ_INLINE vec clamp(vec v, float min, float max) {
    return vminq_f32(vmaxq_f32(v, vdupq_n_f32(min)), vdupq_n_f32(max));
}

#endif
