/* Where the largest or smallest of some values is, the first of equals. */
#include <immintrin.h>

#include "kernels/inline.h"
#include "set.h"

EQ_INLINE __m128i ranks(const int8_t *in, __m128i flip) {
    return _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)in), flip);
}

/* The better a value, the smaller its rank, an unsigned byte, of which VPHMINPOSUW finds the least. The last 16 values may have been seen
 * before, which changes nothing. */
int32_t eq_avx2_first_best(const int8_t *in, int32_t n, bool smallest) {
    const __m128i flip = _mm_set1_epi8(smallest ? -128 : 127), low = _mm_set1_epi16(255);
    __m128i least = ranks(in + n - 16, flip);
    for (int32_t i = 0; i < n - 16; i += 16) {
        least = _mm_min_epu8(least, ranks(in + i, flip));
    }
    const __m128i pairs = _mm_and_si128(_mm_min_epu8(least, _mm_srli_epi16(least, 8)), low);
    const __m128i best = _mm_broadcastb_epi8(_mm_minpos_epu16(pairs));
    int32_t i = 0, found = 0;
    for (; found == 0; i += 16) {
        i = i < n - 16 ? i : n - 16;
        found = _mm_movemask_epi8(_mm_cmpeq_epi8(ranks(in + i, flip), best));
    }
    return i - 16 + __builtin_ctz((unsigned)found);
}
