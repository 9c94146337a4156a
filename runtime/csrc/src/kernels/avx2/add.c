/* Sums of two scaled tensors.
 *
 * A multiplier is high * 2^12 + low, both of 16 bits, so that VPMADDWD sums the products of a pair (a, b). */
#include "elements.h"
#include "set.h"

typedef struct addition {
    __m256i bias, high, low; /* (a's, b's) parts of the multipliers */
    __m128i shift;
    eq_int8_range range;
} addition;

EQ_INLINE __m256i pairs(int32_t a, int32_t b) {
    return _mm256_set1_epi32((int32_t)((uint32_t)a & 0xffff) | (int32_t)((uint32_t)b << 16));
}

EQ_INLINE addition addition_of(const eq_add *p) {
    return (addition){_mm256_set1_epi32(p->bias), pairs(p->a_multiplier >> 12, p->b_multiplier >> 12),
                      pairs(p->a_multiplier & 0xfff, p->b_multiplier & 0xfff), _mm_cvtsi32_si128(p->shift),
                      eq_int8_range_of(p->zero_point, p->min, p->max)};
}

EQ_INLINE __m256i add8(const addition *p, __m256i pairs) {
    const __m256i high = _mm256_slli_epi32(_mm256_madd_epi16(pairs, p->high), 12);
    const __m256i low = _mm256_add_epi32(p->bias, _mm256_madd_epi16(pairs, p->low));
    return _mm256_sra_epi32(_mm256_add_epi32(high, low), p->shift);
}

EQ_INLINE __m256i add16(const addition *p, __m256i a, __m256i b) {
    return _mm256_packs_epi32(add8(p, _mm256_unpacklo_epi16(a, b)), add8(p, _mm256_unpackhi_epi16(a, b)));
}

EQ_INLINE __m256i add32(const addition *p, __m256i a, __m256i b) {
    return eq_to_int8(&p->range, add16(p, eq_low_half(a), eq_low_half(b)), add16(p, eq_high_half(a), eq_high_half(b)));
}

void eq_avx2_add(const eq_add *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    const addition p = addition_of(parameters);
    for (; n >= 32; n -= 32, a += 32, b += 32, out += 32) {
        eq_store(out, add32(&p, eq_load(a), eq_load(b)));
    }
    if (n) {
        eq_store_part(out, add32(&p, eq_load_part(a, n), eq_load_part(b, n)), n);
    }
}

void eq_avx2_add_scalar(const eq_add *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n) {
    const addition p = addition_of(parameters);
    const __m256i all = _mm256_set1_epi8(b);
    for (; n >= 32; n -= 32, a += 32, out += 32) {
        eq_store(out, add32(&p, eq_load(a), all));
    }
    if (n) {
        eq_store_part(out, add32(&p, eq_load_part(a, n), all), n);
    }
}
