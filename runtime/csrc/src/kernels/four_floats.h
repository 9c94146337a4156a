/* Vectors of four float32 that every compiler has code for: for ARMv7 it is NEON, which takes numbers below 2^-126 for 0. */
#ifndef EQ_FOUR_FLOATS_H
#define EQ_FOUR_FLOATS_H

#include <stdint.h>

#ifdef __SSE__
#include <xmmintrin.h>
#endif

typedef float eq_floats __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t eq_masks __attribute__((vector_size(16), aligned(4), may_alias));

/* Of each lane the larger: b where one is not a number. */
static inline eq_floats eq_larger(eq_floats a, eq_floats b) {
#ifdef __SSE__
    return _mm_max_ps(a, b);
#else
    const eq_masks is_a = a > b;
    return (eq_floats)(((eq_masks)a & is_a) | ((eq_masks)b & ~is_a));
#endif
}

#endif
