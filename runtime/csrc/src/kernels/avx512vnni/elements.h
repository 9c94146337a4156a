/* What the elementwise kernels share: the last part of a tensor under a mask, and the way back to int8. */
#ifndef EQ_AVX512VNNI_ELEMENTS_H
#define EQ_AVX512VNNI_ELEMENTS_H

#include <immintrin.h>

#include "kernels/kernels.h"
#include "kernels/inline.h"

/* The first n (at most 64) of 64 bytes. */
EQ_INLINE __mmask64 eq_first(size_t n) {
    return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

/* Bytes 0 to 31, or 32 to 63, as int16. */
EQ_INLINE __m512i eq_low_half(__m512i bytes) {
    return _mm512_cvtepi8_epi16(_mm512_castsi512_si256(bytes));
}

EQ_INLINE __m512i eq_high_half(__m512i bytes) {
    return _mm512_cvtepi8_epi16(_mm512_extracti64x4_epi64(bytes, 1));
}

typedef struct eq_int8_range {
    __m512i zero_point, min, max;
} eq_int8_range;

EQ_INLINE eq_int8_range eq_int8_range_of(int32_t zero_point, int32_t min, int32_t max) {
    return (eq_int8_range){_mm512_set1_epi16((int16_t)zero_point), _mm512_set1_epi8((int8_t)min),
                           _mm512_set1_epi8((int8_t)max)};
}

/* Add the zero point and clamp: of 32 and 32 int16 in order. */
EQ_INLINE __m512i eq_to_int8(const eq_int8_range *range, __m512i low, __m512i high) {
    const __m512i packed =
        _mm512_packs_epi16(_mm512_adds_epi16(low, range->zero_point), _mm512_adds_epi16(high, range->zero_point));
    const __m512i ordered = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), packed);
    return _mm512_min_epi8(_mm512_max_epi8(ordered, range->min), range->max);
}

#endif
