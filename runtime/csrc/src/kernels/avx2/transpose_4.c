#include <immintrin.h>
#include <string.h>

#include "kernels/inline.h"
#include "set.h"

enum { SIDE = 8, BYTES = 4 };

EQ_INLINE __m256 pair(const int8_t *low, ptrdiff_t stride) {
    const __m128 first = _mm_loadu_ps((const float *)(const void *)low);
    return _mm256_insertf128_ps(_mm256_castps128_ps256(first), _mm_loadu_ps((const float *)(const void *)(low + 4 * stride)),
                                1);
}

/* 8 x 4 values become 4 x 8: rows r and r + 4 share a register, so that pairs and then fours are joined within its halves. */
EQ_INLINE void transpose_half(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride) {
    const __m256 a = pair(in, in_stride), b = pair(in + in_stride, in_stride);
    const __m256 c = pair(in + 2 * in_stride, in_stride), d = pair(in + 3 * in_stride, in_stride);
    const __m256 ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
    const __m256 cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
    _mm256_storeu_ps((float *)(void *)out, _mm256_shuffle_ps(ab_low, cd_low, 0x44));
    _mm256_storeu_ps((float *)(void *)(out + out_stride), _mm256_shuffle_ps(ab_low, cd_low, 0xee));
    _mm256_storeu_ps((float *)(void *)(out + 2 * out_stride), _mm256_shuffle_ps(ab_high, cd_high, 0x44));
    _mm256_storeu_ps((float *)(void *)(out + 3 * out_stride), _mm256_shuffle_ps(ab_high, cd_high, 0xee));
}

static void copy(const int8_t *in, ptrdiff_t in_step, int8_t *out, ptrdiff_t out_step, int32_t count) {
    for (; count > 0; count--, in += in_step, out += out_step) {
        memcpy(out, in, BYTES);
    }
}

/* The inner loop is the longer one. */
static void transpose_one_by_one(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                                 int32_t columns) {
    for (int32_t r = 0; rows <= columns && r < rows; r++) {
        copy(in + r * in_stride, BYTES, out + r * BYTES, out_stride, columns);
    }
    for (int32_t c = 0; rows > columns && c < columns; c++) {
        copy(in + c * BYTES, in_stride, out + c * out_stride, BYTES, rows);
    }
}

void eq_avx2_transpose_4(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                         int32_t columns) {
    const int32_t whole_rows = rows & -SIDE, whole_columns = columns & -(SIDE / 2);
    for (int32_t r = 0; r < whole_rows; r += SIDE) {
        for (int32_t c = 0; c < whole_columns; c += SIDE / 2) {
            transpose_half(in + r * in_stride + c * BYTES, in_stride, out + c * out_stride + r * BYTES, out_stride);
        }
    }
    transpose_one_by_one(in + whole_columns * BYTES, in_stride, out + whole_columns * out_stride, out_stride, whole_rows,
                         columns - whole_columns);
    transpose_one_by_one(in + whole_rows * in_stride, in_stride, out + whole_rows * BYTES, out_stride, rows - whole_rows,
                         columns);
}
