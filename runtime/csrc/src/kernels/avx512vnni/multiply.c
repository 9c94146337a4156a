/* Products of two tensors: of 9-bit differences from their zero points. A product times a scale under 2^15, as scales are,
 * fits an int32. */
#include "elements.h"
#include "set.h"

typedef struct multiplication {
    __m512i a_zero_point, b_zero_point;
    __m512 scale;
    eq_int8_range range;
} multiplication;

EQ_INLINE multiplication multiplication_of(const eq_multiply *p) {
    return (multiplication){_mm512_set1_epi16((int16_t)p->a_zero_point), _mm512_set1_epi16((int16_t)p->b_zero_point),
                            _mm512_set1_ps(p->scale), eq_int8_range_of(p->zero_point, p->min, p->max)};
}

EQ_INLINE __m512i scaled(const multiplication *p, __m512i product) {
    return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(product), p->scale));
}

EQ_INLINE __m512i multiply32(const multiplication *p, __m512i a, __m512i b) {
    const __m512i x = _mm512_sub_epi16(a, p->a_zero_point), y = _mm512_sub_epi16(b, p->b_zero_point);
    const __m512i low = _mm512_mullo_epi16(x, y), high = _mm512_mulhi_epi16(x, y);
    return _mm512_packs_epi32(scaled(p, _mm512_unpacklo_epi16(low, high)), scaled(p, _mm512_unpackhi_epi16(low, high)));
}

EQ_INLINE __m512i multiply64(const multiplication *p, __m512i a, __m512i b) {
    return eq_to_int8(&p->range, multiply32(p, eq_low_half(a), eq_low_half(b)),
                      multiply32(p, eq_high_half(a), eq_high_half(b)));
}

void eq_avx512vnni_multiply(const eq_multiply *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    const multiplication p = multiplication_of(parameters);
    for (; n >= 64; n -= 64, a += 64, b += 64, out += 64) {
        _mm512_storeu_si512(out, multiply64(&p, _mm512_loadu_si512(a), _mm512_loadu_si512(b)));
    }
    const __mmask64 rest = eq_first(n);
    if (n) {
        _mm512_mask_storeu_epi8(out, rest, multiply64(&p, _mm512_maskz_loadu_epi8(rest, a), _mm512_maskz_loadu_epi8(rest, b)));
    }
}

void eq_avx512vnni_multiply_scalar(const eq_multiply *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n) {
    const multiplication p = multiplication_of(parameters);
    const __m512i all = _mm512_set1_epi8(b);
    for (; n >= 64; n -= 64, a += 64, out += 64) {
        _mm512_storeu_si512(out, multiply64(&p, _mm512_loadu_si512(a), all));
    }
    const __mmask64 rest = eq_first(n);
    if (n) {
        _mm512_mask_storeu_epi8(out, rest, multiply64(&p, _mm512_maskz_loadu_epi8(rest, a), all));
    }
}
