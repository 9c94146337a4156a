/* Sums of two scaled tensors.
 *
 * A multiplier is high * 2^12 + low, both of 16 bits, so that VPDPWSSD adds the products of a pair (a, b). */
#include "elements.h"
#include "set.h"

typedef struct addition {
    __m512i bias, high, low; /* (a's, b's) parts of the multipliers */
    __m128i shift;
    eq_int8_range range;
} addition;

EQ_INLINE __m512i pairs(int32_t a, int32_t b) {
    return _mm512_set1_epi32((int32_t)((uint32_t)a & 0xffff) | (int32_t)((uint32_t)b << 16));
}

EQ_INLINE addition addition_of(const eq_add *p) {
    return (addition){_mm512_set1_epi32(p->bias), pairs(p->a_multiplier >> 12, p->b_multiplier >> 12),
                      pairs(p->a_multiplier & 0xfff, p->b_multiplier & 0xfff), _mm_cvtsi32_si128(p->shift),
                      eq_int8_range_of(p->zero_point, p->min, p->max)};
}

EQ_INLINE __m512i add16(const addition *p, __m512i pairs) {
    const __m512i high = _mm512_slli_epi32(_mm512_madd_epi16(pairs, p->high), 12);
    const __m512i low = _mm512_dpwssd_epi32(p->bias, pairs, p->low);
    return _mm512_sra_epi32(_mm512_add_epi32(high, low), p->shift);
}

EQ_INLINE __m512i add32(const addition *p, __m512i a, __m512i b) {
    return _mm512_packs_epi32(add16(p, _mm512_unpacklo_epi16(a, b)), add16(p, _mm512_unpackhi_epi16(a, b)));
}

EQ_INLINE __m512i add64(const addition *p, __m512i a, __m512i b) {
    return eq_to_int8(&p->range, add32(p, eq_low_half(a), eq_low_half(b)), add32(p, eq_high_half(a), eq_high_half(b)));
}

void eq_avx512vnni_add(const eq_add *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    const addition p = addition_of(parameters);
    for (; n >= 64; n -= 64, a += 64, b += 64, out += 64) {
        _mm512_storeu_si512(out, add64(&p, _mm512_loadu_si512(a), _mm512_loadu_si512(b)));
    }
    const __mmask64 rest = eq_first(n);
    if (n) {
        _mm512_mask_storeu_epi8(out, rest, add64(&p, _mm512_maskz_loadu_epi8(rest, a), _mm512_maskz_loadu_epi8(rest, b)));
    }
}

void eq_avx512vnni_add_scalar(const eq_add *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n) {
    const addition p = addition_of(parameters);
    const __m512i all = _mm512_set1_epi8(b);
    for (; n >= 64; n -= 64, a += 64, out += 64) {
        _mm512_storeu_si512(out, add64(&p, _mm512_loadu_si512(a), all));
    }
    const __mmask64 rest = eq_first(n);
    if (n) {
        _mm512_mask_storeu_epi8(out, rest, add64(&p, _mm512_maskz_loadu_epi8(rest, a), all));
    }
}
