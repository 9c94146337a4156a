/* Vectors of 8 floats, for the templates of float products. */
#ifndef EQ_AVX2_FLOATS_H
#define EQ_AVX2_FLOATS_H

#include <immintrin.h>
#include <stdint.h>

#include "kernels/inline.h"

typedef __m256 vec;
enum { LANES = 8, VECTORS = 2, ROWS = 6, NARROW_ROWS = 8, PIXELS = 4 };
#define COPIES_LINES
#define WIDE_ROWS 6
#define PREFIX(name) eq_avx2_##name

EQ_INLINE vec load(const float *p) {
    return _mm256_loadu_ps(p);
}

EQ_INLINE vec splat(const float *p) {
    return _mm256_broadcast_ss(p);
}

EQ_INLINE void store(float *p, vec v) {
    _mm256_storeu_ps(p, v);
}

/* The first `count` lanes, 0 to LANES. */
#define STORES_SOME
EQ_INLINE void store_some(float *p, vec v, int32_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lanes), v);
}

EQ_INLINE vec load_some(const float *p, int32_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lanes));
}

EQ_INLINE vec fused(vec w, vec x, vec sum) {
    return _mm256_fmadd_ps(w, x, sum);
}

/* The larger one; of 0 and -0, and where b is no number, that of a. */
EQ_INLINE vec larger(vec a, vec b) {
    return _mm256_max_ps(b, a);
}

/* NaN stays: of it VMINPS gives the second operand. */
EQ_INLINE vec clamp(vec v, float min, float max) {
    const vec low = _mm256_set1_ps(min);
    v = _mm256_blendv_ps(v, low, _mm256_cmp_ps(v, low, _CMP_LE_OQ));
    return _mm256_min_ps(_mm256_set1_ps(max), v);
}

#endif
