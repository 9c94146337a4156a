/* Vectors of four floats, for the templates of windows of floats. */
#ifndef EQ_SCALAR_FOUR_FLOATS_H
#define EQ_SCALAR_FOUR_FLOATS_H

#include <string.h>

#include "kernels/inline.h"
#include "kernels/four_floats.h"

enum { LANES = 4 };
#define PREFIX(name) eq_scalar_##name

typedef eq_floats vec;
typedef eq_masks mask;

EQ_INLINE vec load(const float *p) {
    return *(const vec *)(const void *)p;
}

EQ_INLINE void store(float *p, vec v) {
    *(vec *)(void *)p = v;
}

EQ_INLINE vec splat(const float *p) {
    return (vec){*p, *p, *p, *p};
}

EQ_INLINE vec load_some(const float *p, int32_t count) {
    vec v = {0};
    memcpy(&v, p, (size_t)count * sizeof *p);
    return v;
}

EQ_INLINE void store_some(float *p, vec v, int32_t count) {
    memcpy(p, &v, (size_t)count * sizeof *p);
}

EQ_INLINE vec choose(mask which, vec yes, vec no) {
    return (vec)(((mask)yes & which) | ((mask)no & ~which));
}

/* The larger one; of 0 and -0, and where b is no number, that of a. */
EQ_INLINE vec larger(vec a, vec b) {
    return eq_larger(b, a);
}

EQ_INLINE vec clamp(vec v, float least, float most) {
    const vec min = splat(&least), max = splat(&most);
    v = choose(v <= min, min, v);
    return choose(v >= max, max, v);
}

#endif
