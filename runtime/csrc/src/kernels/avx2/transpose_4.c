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

#define PREFIX(name) eq_avx2_##name
#include "kernels/transpose_4_template.h"
