/* vpdpbusd on 256 bits: unsigned inputs, in + 128, times signed weights, four taps a lane. */
#ifndef EQ_AVXVNNI_DOT_H
#define EQ_AVXVNNI_DOT_H

#include <immintrin.h>

#include "kernels/inline.h"

#ifndef NAME /* a test compiles this set for AVX-512 under another name */
#define NAME(function) eq_avxvnni_##function
#endif

enum {
    TAPS = 4,
    IN_OFFSET = 128,
    ACCUMULATORS = 8,
};

typedef int8_t eq_dot_weight;
typedef uint8_t eq_dot_input;

EQ_INLINE __m256i dot(__m256i acc, __m256i in, __m256i weights) {
#ifdef __AVXVNNI__
    return _mm256_dpbusd_avx_epi32(acc, in, weights);
#else
    return _mm256_dpbusd_epi32(acc, in, weights);
#endif
}

EQ_INLINE void convert(const int8_t *from, eq_dot_input *to) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
    _mm_storeu_si128((__m128i *)(void *)to, _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
}

EQ_INLINE void interleave(const int8_t *const from[TAPS], ptrdiff_t at, __m256i to[2]) {
    const __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(from[0] + at));
    const __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(from[1] + at));
    const __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(from[2] + at));
    const __m128i d = _mm_loadu_si128((const __m128i *)(const void *)(from[3] + at));
    const __m128i low_ab = _mm_unpacklo_epi8(a, b), low_cd = _mm_unpacklo_epi8(c, d);
    const __m128i high_ab = _mm_unpackhi_epi8(a, b), high_cd = _mm_unpackhi_epi8(c, d);
    const __m256i low = _mm256_set_m128i(_mm_unpackhi_epi16(low_ab, low_cd), _mm_unpacklo_epi16(low_ab, low_cd));
    const __m256i high = _mm256_set_m128i(_mm_unpackhi_epi16(high_ab, high_cd), _mm_unpacklo_epi16(high_ab, high_cd));
    to[0] = _mm256_xor_si256(low, _mm256_set1_epi8(-128));
    to[1] = _mm256_xor_si256(high, _mm256_set1_epi8(-128));
}

#endif
