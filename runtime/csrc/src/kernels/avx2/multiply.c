/* Products of two tensors: of 9-bit differences from their zero points. A product times a scale under 2^15, as scales are,
 * fits an int32. */
#include "elements.h"
#include "set.h"

typedef struct multiplication {
    __m256i a_zero_point, b_zero_point;
    __m256 scale;
    eq_int8_range range;
} multiplication;

EQ_INLINE multiplication multiplication_of(const eq_multiply *p) {
    return (multiplication){_mm256_set1_epi16((int16_t)p->a_zero_point), _mm256_set1_epi16((int16_t)p->b_zero_point),
                            _mm256_set1_ps(p->scale), eq_int8_range_of(p->zero_point, p->min, p->max)};
}

EQ_INLINE __m256i scaled(const multiplication *p, __m256i product) {
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(product), p->scale));
}

EQ_INLINE __m256i multiply16(const multiplication *p, __m256i a, __m256i b) {
    const __m256i x = _mm256_sub_epi16(a, p->a_zero_point), y = _mm256_sub_epi16(b, p->b_zero_point);
    const __m256i low = _mm256_mullo_epi16(x, y), high = _mm256_mulhi_epi16(x, y);
    return _mm256_packs_epi32(scaled(p, _mm256_unpacklo_epi16(low, high)), scaled(p, _mm256_unpackhi_epi16(low, high)));
}

EQ_INLINE __m256i multiply32(const multiplication *p, __m256i a, __m256i b) {
    return eq_to_int8(&p->range, multiply16(p, eq_low_half(a), eq_low_half(b)),
                      multiply16(p, eq_high_half(a), eq_high_half(b)));
}

void eq_avx2_multiply(const eq_multiply *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    const multiplication p = multiplication_of(parameters);
    for (; n >= 32; n -= 32, a += 32, b += 32, out += 32) {
        eq_store(out, multiply32(&p, eq_load(a), eq_load(b)));
    }
    if (n) {
        eq_store_part(out, multiply32(&p, eq_load_part(a, n), eq_load_part(b, n)), n);
    }
}

void eq_avx2_multiply_scalar(const eq_multiply *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n) {
    const multiplication p = multiplication_of(parameters);
    const __m256i all = _mm256_set1_epi8(b);
    for (; n >= 32; n -= 32, a += 32, out += 32) {
        eq_store(out, multiply32(&p, eq_load(a), all));
    }
    if (n) {
        eq_store_part(out, multiply32(&p, eq_load_part(a, n), all), n);
    }
}
