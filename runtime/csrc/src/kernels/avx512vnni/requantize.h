/* From int32 accumulators to int8, 64 at a time. */
#ifndef EQ_AVX512VNNI_REQUANTIZE_H
#define EQ_AVX512VNNI_REQUANTIZE_H

#include <immintrin.h>

#include "kernels/kernels.h"
#include "kernels/inline.h"

typedef struct requantization {
    __m512 high; /* the most that may be converted to an integer */
    __m512i zero_point, min, max;
} requantization;

/* Small accumulators and the whole range of int8 need no limits but those of packing. */
EQ_INLINE bool needs_limits(bool small, int32_t min, int32_t max) {
    return !small || min > -128 || max < 127;
}

EQ_INLINE requantization requantization_to(int32_t zero_point, int32_t min, int32_t max) {
    return (requantization){_mm512_set1_ps((float)(max - zero_point)), _mm512_set1_epi16((int16_t)zero_point),
                            _mm512_set1_epi8((int8_t)min), _mm512_set1_epi8((int8_t)max)};
}

EQ_INLINE __m512i scaled(__m512i acc, __m512 scale, const requantization *to, bool limited) {
    __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale);
    if (limited) {
        x = _mm512_min_ps(x, to->high); /* what does not fit would become the least integer */
    }
    return _mm512_cvtps_epi32(x);
}

/* The bytes of four scaled vectors. Each lane gets four bytes of a, of b, of c and of d. */
EQ_INLINE __m512i packed(__m512i a, __m512i b, __m512i c, __m512i d, const requantization *to, bool limited) {
    const __m512i ab = _mm512_adds_epi16(_mm512_packs_epi32(a, b), to->zero_point);
    const __m512i cd = _mm512_adds_epi16(_mm512_packs_epi32(c, d), to->zero_point);
    const __m512i bytes = _mm512_packs_epi16(ab, cd);
    return limited ? _mm512_min_epi8(_mm512_max_epi8(bytes, to->min), to->max) : bytes;
}

#endif
