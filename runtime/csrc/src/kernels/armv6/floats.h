/* Vectors of one float for a CPU without fused multiply-add: two roundings, so that results differ from those of all others in
 * their last bits. Fusing in software would take ten times as long. */
#ifndef EQ_ARMV6_FLOATS_H
#define EQ_ARMV6_FLOATS_H

#include "kernels/inline.h"

typedef float vec;
enum { LANES = 1, VECTORS = 4, ROWS = 2, PIXELS = 2 };
#define MOST_ROWS 2
#define PREFIX(name) eq_armv6_##name

EQ_INLINE vec load(const float *p) {
    return *p;
}

EQ_INLINE vec splat(const float *p) {
    return *p;
}

EQ_INLINE void store(float *p, vec v) {
    *p = v;
}

EQ_INLINE vec fused(vec w, vec x, vec sum) {
    return w * x + sum;
}

/* NaN stays. */
EQ_INLINE vec clamp(vec v, float min, float max) {
    v = v <= min ? min : v;
    return v >= max ? max : v;
}

#endif
