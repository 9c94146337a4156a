/* The mix of four pixels, for sets whose folder includes this with EQ_BILINEAR, the function's name. VPMADDWD mixes two neighbours: left * (2048 - right) + right neighbour * right. */
#include "elements.h"

typedef struct weights {
    __m256i row;    /* (2048 - right, right) */
    __m256i bottom; /* of 2048 */
} weights;

/* Eight values: above and below are pairs of neighbours. */
EQ_INLINE __m256i mix8(__m256i above_pairs, __m256i below_pairs, const weights *w) {
    const __m256i above = _mm256_madd_epi16(above_pairs, w->row), below = _mm256_madd_epi16(below_pairs, w->row);
    const __m256i difference = _mm256_mullo_epi32(_mm256_sub_epi32(below, above), w->bottom);
    const __m256i mix = _mm256_add_epi32(_mm256_slli_epi32(above, 11), difference);
    return _mm256_srai_epi32(_mm256_add_epi32(mix, _mm256_set1_epi32(1 << 21)), 22);
}

EQ_INLINE __m256i mix16(__m256i a, __m256i b, __m256i c, __m256i d, const weights *w) {
    return _mm256_packs_epi32(mix8(_mm256_unpacklo_epi16(a, b), _mm256_unpacklo_epi16(c, d), w),
                              mix8(_mm256_unpackhi_epi16(a, b), _mm256_unpackhi_epi16(c, d), w));
}

EQ_INLINE __m256i mix32(__m256i a, __m256i b, __m256i c, __m256i d, const weights *w) {
    const __m256i low = mix16(eq_low_half(a), eq_low_half(b), eq_low_half(c), eq_low_half(d), w);
    const __m256i high = mix16(eq_high_half(a), eq_high_half(b), eq_high_half(c), eq_high_half(d), w);
    return _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
}

void EQ_BILINEAR(const int8_t *const corners[4], int32_t right, int32_t bottom, int32_t channels, int8_t *out) {
    const int8_t *a = corners[0], *b = corners[1], *c = corners[2], *d = corners[3];
    const weights w = {_mm256_set1_epi32((2048 - right) | right << 16), _mm256_set1_epi32(bottom)};
    size_t n = (size_t)channels;
    for (; n >= 32; n -= 32, a += 32, b += 32, c += 32, d += 32, out += 32) {
        eq_store(out, mix32(eq_load(a), eq_load(b), eq_load(c), eq_load(d), &w));
    }
    if (n) {
        eq_store_part(out, mix32(eq_load_part(a, n), eq_load_part(b, n), eq_load_part(c, n), eq_load_part(d, n), &w), n);
    }
}
