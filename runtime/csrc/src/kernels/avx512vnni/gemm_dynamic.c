/* Matrix products of dynamic range. */
#include "set.h"

#include <immintrin.h>
#include <string.h>

#include "kernels/inline.h"

enum { BLOCK = 32 }; /* columns in a block: two vectors */

typedef eq_gemm_dynamic product;

typedef struct destination {
    float *const *out;
    const eq_dynamic_scale *scales; /* of the rows */
} destination;

typedef struct block_header {
    int32_t sum[BLOCK]; /* of the weights */
    float scale[BLOCK], bias[BLOCK];
} block_header;

#include "product_template.h"

size_t eq_avx512vnni_gemm_dynamic_packed_bytes(const eq_gemm_dynamic_weights *w) {
    return block_bytes(steps_of(w->segments, w->segment_bytes)) * (size_t)((w->columns + BLOCK - 1) / BLOCK);
}

void eq_avx512vnni_gemm_dynamic_pack(const eq_gemm_dynamic_weights *w, void *packed) {
    const int32_t taps = w->segments * w->segment_bytes;
    const size_t bytes = block_bytes(steps_of(w->segments, w->segment_bytes));
    for (int32_t n = 0; n < w->columns; n++) {
        block_header *header = (block_header *)((char *)packed + (size_t)(n / BLOCK) * bytes);
        header->sum[n % BLOCK] =
            pack_column(w->weights + (size_t)n * (size_t)taps, taps, (int8_t *)(header + 1) + n % BLOCK * 4);
        header->scale[n % BLOCK] = w->scale[n];
        header->bias[n % BLOCK] = w->bias ? w->bias[n] : 0.0f;
    }
}

/* Inputs are 128 more than they were. */
EQ_INLINE __m512i first_sum(const tile *t, const block_header *header, int r, int v) {
    return _mm512_mullo_epi32(_mm512_load_si512(header->sum + 16 * v), _mm512_set1_epi32(-(t->to.scales[r].zero_point + 128)));
}

/* Store `mask` of 16 results. */
EQ_INLINE void store_vector(const tile *t, __m512i acc, const block_header *header, int r, int v, int32_t column,
                            __mmask16 mask) {
    const __m512 min = _mm512_set1_ps(t->gemm->min), max = _mm512_set1_ps(t->gemm->max);
    const __m512 sum = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_set1_ps(t->to.scales[r].scale));
    __m512 x = _mm512_fmadd_ps(sum, _mm512_load_ps(header->scale + 16 * v), _mm512_load_ps(header->bias + 16 * v));
    x = _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(x, min, _CMP_LE_OQ), min);
    x = _mm512_min_ps(max, x); /* NaN stays: of it VMINPS gives the second operand */
    _mm512_mask_storeu_ps(t->to.out[r] + column + 16 * v, mask, x);
}

EQ_INLINE void finish(const tile *t, __m512i acc[][2], const block_header *header, int32_t column, __mmask32 mask,
                      const int rows, const int vectors) {
#define STORE(r)                                                                       \
    if (r < rows) {                                                                    \
        store_vector(t, acc[r][0], header, r, 0, column, (__mmask16)mask);             \
        if (vectors == 2)                                                              \
            store_vector(t, acc[r][1], header, r, 1, column, (__mmask16)(mask >> 16)); \
    }
    EACH_ROW(STORE)
}

EQ_INLINE void finish_two_blocks(const tile *t, const __m512i acc[4], const block_header *const header[2], int32_t column) {
    store_vector(t, acc[0], header[0], 0, 0, column, 0xffff);
    store_vector(t, acc[1], header[0], 0, 1, column, 0xffff);
    store_vector(t, acc[2], header[1], 0, 0, column + BLOCK, 0xffff);
    store_vector(t, acc[3], header[1], 0, 1, column + BLOCK, 0xffff);
}

void eq_avx512vnni_gemm_dynamic_run(const eq_gemm_dynamic *g, const int8_t *const *in, const eq_dynamic_scale *scales,
                                    float *const *out, int32_t rows, int32_t first_column, int32_t last_column) {
    for (int32_t r = 0, n; r < rows; r += n) {
        n = rows_at_once(rows - r);
        run_rows(g, in + r, (destination){out + r, scales + r}, n, first_column, last_column);
    }
}
