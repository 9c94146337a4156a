/* Vectors of one float, for the templates of float products. */
#ifndef EQ_SCALAR_FLOATS_H
#define EQ_SCALAR_FLOATS_H

#include "arithmetic/fused.h"
#include "kernels/inline.h"

typedef float vec;
enum { LANES = 1, VECTORS = 4, ROWS = 2, PIXELS = 2 };
#define MOST_ROWS 2
#ifdef __aarch64__ /* where every CPU has a faster set */
#define ANY_WINDOW
#endif
#define PREFIX(name) eq_scalar_##name

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
    return eq_fused(w, x, sum);
}

/* NaN stays. */
EQ_INLINE vec clamp(vec v, float min, float max) {
    v = v <= min ? min : v;
    return v >= max ? max : v;
}

#endif
