/* AVX2 has no exact product of bytes: 16-bit integers, two taps a lane. */
#ifndef EQ_AVX2_DOT_H
#define EQ_AVX2_DOT_H

#include <immintrin.h>

#include "kernels/inline.h"

#define NAME(function) eq_avx2_##function

enum {
    TAPS = 2,         /* in a lane */
    IN_OFFSET = 0,    /* what inputs have been increased by; the packed bias makes up for it */
    ACCUMULATORS = 1, /* that hide the latency of `dot` */
};

typedef int16_t eq_dot_weight;
typedef int16_t eq_dot_input;

/* acc + in * weights: 8 lanes. */
EQ_INLINE __m256i dot(__m256i acc, __m256i in, __m256i weights) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(in, weights));
}

/* Convert 16 inputs. */
EQ_INLINE void convert(const int8_t *from, eq_dot_input *to) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_cvtepi8_epi16(bytes));
}

/* Interleave 16 channels of TAPS rows: the taps of a channel side by side. */
EQ_INLINE void interleave(const int8_t *const from[TAPS], ptrdiff_t at, __m256i to[2]) {
    const __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(from[0] + at));
    const __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(from[1] + at));
    to[0] = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b));
    to[1] = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(a, b));
}

#endif
