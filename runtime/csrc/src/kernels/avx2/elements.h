/* What the elementwise kernels share: parts of a vector at the end, and the way back to int8. */
#ifndef EQ_AVX2_ELEMENTS_H
#define EQ_AVX2_ELEMENTS_H

#include <immintrin.h>
#include <string.h>

#include "kernels/kernels.h"

#include "kernels/inline.h"

EQ_INLINE __m256i eq_load(const void *from) {
    return _mm256_loadu_si256(from);
}

EQ_INLINE void eq_store(void *to, __m256i values) {
    _mm256_storeu_si256(to, values);
}

/* The first n (at most 32) bytes; the others are 0 or kept. */
#ifdef __AVX512BW__
EQ_INLINE __m256i eq_load_part(const void *from, size_t n) {
    return _mm256_maskz_loadu_epi8((__mmask32)((1ull << n) - 1), from);
}

EQ_INLINE void eq_store_part(void *to, __m256i values, size_t n) {
    _mm256_mask_storeu_epi8(to, (__mmask32)((1ull << n) - 1), values);
}
#else
EQ_INLINE __m256i eq_load_part(const void *from, size_t n) {
    int8_t part[32] = {0};
    memcpy(part, from, n);
    return eq_load(part);
}

EQ_INLINE void eq_store_part(void *to, __m256i values, size_t n) {
    int8_t part[32];
    eq_store(part, values);
    memcpy(to, part, n);
}
#endif

/* Bytes 0 to 15, or 16 to 31, as int16. */
EQ_INLINE __m256i eq_low_half(__m256i bytes) {
    return _mm256_cvtepi8_epi16(_mm256_castsi256_si128(bytes));
}

EQ_INLINE __m256i eq_high_half(__m256i bytes) {
    return _mm256_cvtepi8_epi16(_mm256_extracti128_si256(bytes, 1));
}

typedef struct eq_int8_range {
    __m256i zero_point, min, max;
} eq_int8_range;

EQ_INLINE eq_int8_range eq_int8_range_of(int32_t zero_point, int32_t min, int32_t max) {
    return (eq_int8_range){_mm256_set1_epi16((int16_t)zero_point), _mm256_set1_epi8((int8_t)min),
                           _mm256_set1_epi8((int8_t)max)};
}

/* Add the zero point and clamp: of 16 and 16 int16 in order. */
EQ_INLINE __m256i eq_to_int8(const eq_int8_range *range, __m256i low, __m256i high) {
    const __m256i packed =
        _mm256_packs_epi16(_mm256_adds_epi16(low, range->zero_point), _mm256_adds_epi16(high, range->zero_point));
    const __m256i ordered = _mm256_permute4x64_epi64(packed, 0xd8);
    return _mm256_min_epi8(_mm256_max_epi8(ordered, range->min), range->max);
}

#endif
