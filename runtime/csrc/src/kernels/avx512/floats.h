/* Vectors of 16 floats, for the templates of float products. */
#ifndef EQ_AVX512_FLOATS_H
#define EQ_AVX512_FLOATS_H

#include <immintrin.h>
#include <stdint.h>

#include "kernels/inline.h"

typedef __m512 vec;
enum { LANES = 16, VECTORS = 2, ROWS = 8, NARROW_ROWS = 12, PIXELS = 4, LINE_TILES = 4 };
#define RUNS_LINES
#define COPIES_LINES
#define WIDE_ROWS 8
#define PREFIX(name) eq_avx512_##name

EQ_INLINE vec load(const float *p) {
    return _mm512_loadu_ps(p);
}

EQ_INLINE vec splat(const float *p) {
    return _mm512_set1_ps(*p);
}

EQ_INLINE void store(float *p, vec v) {
    _mm512_storeu_ps(p, v);
}

/* The first `count` lanes, 0 to LANES. */
#define STORES_SOME
EQ_INLINE void store_some(float *p, vec v, int32_t count) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), v);
}

EQ_INLINE vec load_some(const float *p, int32_t count) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}

EQ_INLINE vec fused(vec w, vec x, vec sum) {
    return _mm512_fmadd_ps(w, x, sum);
}

/* The larger one; of 0 and -0, and where b is no number, that of a. */
EQ_INLINE vec larger(vec a, vec b) {
    return _mm512_max_ps(b, a);
}

/* NaN stays: of it VMINPS gives the second operand. */
EQ_INLINE vec clamp(vec v, float min, float max) {
    const vec low = _mm512_set1_ps(min);
    v = _mm512_mask_mov_ps(v, _mm512_cmp_ps_mask(v, low, _CMP_LE_OQ), low);
    return _mm512_min_ps(_mm512_set1_ps(max), v);
}

#endif
