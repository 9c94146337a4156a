/* Sums over the rows of a tensor, and what becomes of them. */
#include "elements.h"
#include "set.h"

enum { ROWS_OF_INT16 = 255 }; /* whose sums fit 16 bits */

EQ_INLINE void add_to(int32_t *sums, __m256i part) {
    const __m256i low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(part));
    const __m256i high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(part, 1));
    eq_store(sums, _mm256_add_epi32(eq_load(sums), low));
    eq_store(sums + 8, _mm256_add_epi32(eq_load(sums + 8), high));
}

static void sum_channels(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int32_t *sums) {
    for (; channels >= 16; channels -= 16, in += 16, sums += 16) {
        __m256i sum = _mm256_setzero_si256();
        for (int32_t r = 0; r < rows; r++) {
            sum = _mm256_add_epi16(sum, _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(in + r * stride))));
        }
        add_to(sums, sum);
    }
    if (channels == 0) {
        return;
    }
    const size_t n = (size_t)channels;
    __m256i sum = _mm256_setzero_si256();
    for (int32_t r = 0; r < rows; r++) {
        sum = _mm256_add_epi16(sum, eq_low_half(eq_load_part(in + r * stride, n)));
    }
    int32_t part[16] = {0};
    add_to(part, sum);
    for (size_t c = 0; c < n; c++) {
        sums[c] += part[c];
    }
}

void eq_avx2_sum_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int32_t *sums) {
    for (; rows > 0; rows -= ROWS_OF_INT16, in += ROWS_OF_INT16 * stride) {
        sum_channels(in, stride, rows < ROWS_OF_INT16 ? rows : ROWS_OF_INT16, channels, sums);
    }
}

/* The 32 results of function8(), 8 at a time from `sums`, as bytes between min and max. */
#define EIGHTS(function8, d, sums, range)                                                                               \
    eq_to_int8(range, _mm256_permute4x64_epi64(_mm256_packs_epi32(function8(d, sums), function8(d, (sums) + 8)), 0xd8), \
               _mm256_permute4x64_epi64(_mm256_packs_epi32(function8(d, (sums) + 16), function8(d, (sums) + 24)), 0xd8))

/* ---- scale_sums ---- */

typedef struct line {
    __m256 scale, offset;
} line;

EQ_INLINE __m256i scale8(const line *l, const int32_t *sums) {
    const __m256 x = _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(eq_load(sums)), l->scale), l->offset);
    return _mm256_cvtps_epi32(_mm256_min_ps(x, _mm256_set1_ps(127))); /* what is too large would become the least integer */
}

void eq_avx2_scale_sums(const int32_t *sums, float scale, float offset, int8_t *out, size_t n) {
    const line l = {_mm256_set1_ps(scale), _mm256_set1_ps(offset)};
    const eq_int8_range range = eq_int8_range_of(0, -128, 127);
    for (; n >= 32; n -= 32, sums += 32, out += 32) {
        eq_store(out, EIGHTS(scale8, &l, sums, &range));
    }
    if (n == 0) {
        return;
    }
    int32_t part[32] = {0};
    memcpy(part, sums, n * sizeof *part);
    eq_store_part(out, EIGHTS(scale8, &l, part, &range), n);
}

/* ---- rescale ---- */

typedef struct fixed_scale {
    __m256i multiplier;
    __m128i left, right; /* shifts */
    __m256i mask, half;  /* of the bits that go with the right one */
    __m256i zero_point;
} fixed_scale;

static fixed_scale fixed_scale_of(const eq_rescale *p) {
    const int32_t left = eq_clamp(p->factor.shift, 0, 30), right = eq_clamp(-p->factor.shift, 0, 31);
    const int32_t mask = (int32_t)((INT64_C(1) << right) - 1);
    return (fixed_scale){_mm256_set1_epi32(p->factor.multiplier),
                         _mm_cvtsi32_si128(left),
                         _mm_cvtsi32_si128(right),
                         _mm256_set1_epi32(mask),
                         _mm256_set1_epi32(mask >> 1),
                         _mm256_set1_epi32(p->zero_point)};
}

/* (2 * a * b + 2^31) >> 32 */
EQ_INLINE __m256i doubling_high_product(__m256i a, __m256i b) {
    const __m256i half = _mm256_set1_epi64x(INT64_C(1) << 30);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
    const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(a, 32), b), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa);
}

EQ_INLINE __m256i rescale8(const fixed_scale *s, const int32_t *acc) {
    const __m256i x = doubling_high_product(_mm256_sll_epi32(eq_load(acc), s->left), s->multiplier);
    const __m256i threshold = _mm256_sub_epi32(s->half, _mm256_srai_epi32(x, 31)); /* ties away from zero */
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(x, s->mask), threshold);
    return _mm256_add_epi32(_mm256_sub_epi32(_mm256_sra_epi32(x, s->right), up), s->zero_point);
}

void eq_avx2_rescale(const eq_rescale *p, const int32_t *acc, int8_t *out, size_t n) {
    const fixed_scale s = fixed_scale_of(p);
    const eq_int8_range range = eq_int8_range_of(0, p->min, p->max);
    for (; n >= 32; n -= 32, acc += 32, out += 32) {
        eq_store(out, EIGHTS(rescale8, &s, acc, &range));
    }
    if (n == 0) {
        return;
    }
    int32_t part[32] = {0};
    memcpy(part, acc, n * sizeof *part);
    eq_store_part(out, EIGHTS(rescale8, &s, part, &range), n);
}

/* ---- average: a float division that is exact up to a count of 2^15, see docs/arithmetic.md ---- */

typedef struct division {
    __m256 count;
    __m256i half;
} division;

EQ_INLINE __m256i average8(const division *d, const int32_t *sums) {
    const __m256i sum = eq_load(sums), size = _mm256_add_epi32(_mm256_abs_epi32(sum), d->half);
    const __m256i quotient = _mm256_cvttps_epi32(_mm256_div_ps(_mm256_cvtepi32_ps(size), d->count));
    return _mm256_sign_epi32(quotient, sum); /* 0 where the sum is: its quotient was 0 */
}

void eq_avx2_average(const int32_t *sums, int32_t count, int32_t shift, int32_t min, int32_t max, int8_t *out, size_t n) {
    if (count > 1 << 15) {
        eq_scalar_average(sums, count, shift, min, max, out, n);
        return;
    }
    const division d = {_mm256_set1_ps((float)count), _mm256_set1_epi32(count / 2)};
    const eq_int8_range range = eq_int8_range_of(-shift, min, max);
    for (; n >= 32; n -= 32, sums += 32, out += 32) {
        eq_store(out, EIGHTS(average8, &d, sums, &range));
    }
    if (n == 0) {
        return;
    }
    int32_t part[32] = {0};
    memcpy(part, sums, n * sizeof *part);
    eq_store_part(out, EIGHTS(average8, &d, part, &range), n);
}
