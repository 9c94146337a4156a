#include <immintrin.h>

#include "kernels/inline.h"
#include "set.h"

enum { BLOCK_ROWS = 8, BLOCK_COLUMNS = 4 };

EQ_INLINE __m256 pair(const int8_t *low, ptrdiff_t stride) {
    const __m128 first = _mm_loadu_ps((const float *)(const void *)low);
    return _mm256_insertf128_ps(_mm256_castps128_ps256(first), _mm_loadu_ps((const float *)(const void *)(low + 4 * stride)),
                                1);
}

/* 8 x 4 values become 4 x 8: rows r and r + 4 share a register, so that pairs and then fours are joined within its halves. */
EQ_INLINE void transpose_block(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride) {
    const __m256 a = pair(in, in_stride), b = pair(in + in_stride, in_stride);
    const __m256 c = pair(in + 2 * in_stride, in_stride), d = pair(in + 3 * in_stride, in_stride);
    const __m256 ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
    const __m256 cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
    _mm256_storeu_ps((float *)(void *)out, _mm256_shuffle_ps(ab_low, cd_low, 0x44));
    _mm256_storeu_ps((float *)(void *)(out + out_stride), _mm256_shuffle_ps(ab_low, cd_low, 0xee));
    _mm256_storeu_ps((float *)(void *)(out + 2 * out_stride), _mm256_shuffle_ps(ab_high, cd_high, 0x44));
    _mm256_storeu_ps((float *)(void *)(out + 3 * out_stride), _mm256_shuffle_ps(ab_high, cd_high, 0xee));
}

/* Three planes become pixels, as where a network takes pictures plane by plane; returns how many of them are done. Each plane's values are
 * put where they belong in one of three vectors of pixels, and these are blended. */
#define INTERLEAVES_THREE
EQ_INLINE int32_t interleave_three(const int8_t *in, ptrdiff_t in_stride, int8_t *out, int32_t pixels) {
    const int32_t whole = pixels & -4;
    const float *a = (const void *)in, *b = (const void *)(in + in_stride), *c = (const void *)(in + 2 * in_stride);
    float *to = (void *)out;
    for (int32_t i = 0; i < whole; i += 4, to += 12) {
        const __m128 of_a = _mm_permute_ps(_mm_loadu_ps(a + i), _MM_SHUFFLE(1, 2, 3, 0));
        const __m128 of_b = _mm_permute_ps(_mm_loadu_ps(b + i), _MM_SHUFFLE(2, 3, 0, 1));
        const __m128 of_c = _mm_permute_ps(_mm_loadu_ps(c + i), _MM_SHUFFLE(3, 0, 1, 2));
        _mm_storeu_ps(to, _mm_blend_ps(_mm_blend_ps(of_a, of_b, 2), of_c, 4));
        _mm_storeu_ps(to + 4, _mm_blend_ps(_mm_blend_ps(of_b, of_c, 2), of_a, 4));
        _mm_storeu_ps(to + 8, _mm_blend_ps(_mm_blend_ps(of_c, of_a, 2), of_b, 4));
    }
    return whole;
}

#define PREFIX(name) eq_avx2_##name
#include "kernels/transpose_4_template.h"
