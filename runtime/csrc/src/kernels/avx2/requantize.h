/* From int32 accumulators to int8, 32 at a time. */
#ifndef EQ_AVX2_REQUANTIZE_H
#define EQ_AVX2_REQUANTIZE_H

#include <immintrin.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/inline.h"

typedef struct requantization {
    __m256 high; /* the most that may be converted to an integer; not needed for small accumulators */
    __m256i zero_point, min, max;
} requantization;

EQ_INLINE requantization requantization_to(int32_t zero_point, int32_t min, int32_t max) {
    return (requantization){_mm256_set1_ps((float)(max - zero_point)), _mm256_set1_epi16((int16_t)zero_point),
                            _mm256_set1_epi8((int8_t)min), _mm256_set1_epi8((int8_t)max)};
}

EQ_INLINE __m256i scaled(__m256i acc, __m256 scale, const requantization *to, bool small) {
    __m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale);
    if (!small) {
        x = _mm256_min_ps(x, to->high); /* what does not fit would become the least integer */
    }
    return _mm256_cvtps_epi32(x);
}

/* Eight bytes each of four scaled vectors. */
EQ_INLINE __m256i packed(__m256i a, __m256i b, __m256i c, __m256i d, const requantization *to) {
    const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i ab = _mm256_adds_epi16(_mm256_packs_epi32(a, b), to->zero_point);
    const __m256i cd = _mm256_adds_epi16(_mm256_packs_epi32(c, d), to->zero_point);
    const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(ab, cd), in_order);
    return _mm256_min_epi8(_mm256_max_epi8(bytes, to->min), to->max);
}

/* The first `n` of 16 bytes. */
EQ_INLINE void store_bytes(int8_t *out, __m128i bytes, int32_t n) {
    if (n == 16) {
        _mm_storeu_si128((__m128i *)(void *)out, bytes);
    } else {
        int8_t all[16];
        _mm_storeu_si128((__m128i *)(void *)all, bytes);
        memcpy(out, all, (size_t)n);
    }
}

#endif
