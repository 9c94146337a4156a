/* The products of a row and the columns of a matrix that is known only now: bytes widen to 16 bits on their way, so that all
 * values are exact. */
#include "elements.h"
#include "set.h"

EQ_INLINE __m256i widened(const int8_t *bytes) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)bytes));
}

EQ_INLINE __m256i add_products(__m256i sums, __m256i a, const int8_t *b) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(a, widened(b)));
}

void eq_avx2_dot(const int8_t *a, const int8_t *b, int32_t depth, int32_t columns, int32_t *sums) {
    const ptrdiff_t column = depth;
    for (int32_t n = 0; n < columns; n += 4, b += 4 * column, sums += 4) {
        __m256i s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;
        for (ptrdiff_t k = 0; k < column; k += 16) {
            const __m256i x = widened(a + k);
            s0 = add_products(s0, x, b + k);
            s1 = add_products(s1, x, b + k + column);
            s2 = add_products(s2, x, b + k + 2 * column);
            s3 = add_products(s3, x, b + k + 3 * column);
        }
        const __m256i halves = _mm256_hadd_epi32(_mm256_hadd_epi32(s0, s1), _mm256_hadd_epi32(s2, s3));
        const __m128i whole = _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
        _mm_storeu_si128((__m128i *)(void *)sums, whole);
    }
}
