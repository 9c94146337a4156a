/* Matrix products of dynamic range from products of a segment with several columns. A set defines PREFIX(name), its functions'
 * prefix, and includes this; eq_<set>_dot is the member `dot`.
 *
 * Packed: for each segment weights (padded columns, padded segment_bytes), then for each column sum of the weights, scale and bias.
 * What pads is zero. */
#include "arithmetic/arithmetic.h"
#include "arithmetic/fused.h"
#include "kernels.h"

enum { DYNAMIC_BLOCK = 64 }; /* columns at once */

typedef struct dynamic_column {
    int32_t sum;
    float scale, bias;
} dynamic_column;

static size_t padded(int32_t n, int32_t step) {
    return ((size_t)n + (size_t)step - 1) / (size_t)step * (size_t)step;
}

/* Bytes between the columns of a segment, and between segments. */
static size_t column_stride(int32_t segment_bytes) {
    return padded(segment_bytes, EQ_DOT_DEPTH);
}

static size_t segment_stride(int32_t columns, int32_t segment_bytes) {
    return padded(columns, EQ_DOT_COLUMNS) * column_stride(segment_bytes);
}

size_t PREFIX(gemm_dynamic_packed_bytes)(const eq_gemm_dynamic_weights *w) {
    return (size_t)w->segments * segment_stride(w->columns, w->segment_bytes) + (size_t)w->columns * sizeof(dynamic_column);
}

void PREFIX(gemm_dynamic_pack)(const eq_gemm_dynamic_weights *w, void *packed) {
    const size_t stride = segment_stride(w->columns, w->segment_bytes);
    dynamic_column *column = (dynamic_column *)(void *)((int8_t *)packed + (size_t)w->segments * stride);
    const int8_t *from = w->weights;
    for (int32_t n = 0; n < w->columns; n++, column++) {
        column->scale = w->scale[n];
        column->bias = w->bias ? w->bias[n] : 0.0f;
        for (int32_t s = 0; s < w->segments; s++) {
            int8_t *to = (int8_t *)packed + (size_t)s * stride + (size_t)n * column_stride(w->segment_bytes);
            for (int32_t k = 0; k < w->segment_bytes; k++) {
                to[k] = *from++;
                column->sum = eq_add_wrapping(column->sum, to[k]);
            }
        }
    }
}

/* sums[i] of `count` columns from `column` on, which may be written up to the next multiple of EQ_DOT_COLUMNS. */
static void sum_columns(const eq_gemm_dynamic *g, const int8_t *in, int32_t column, int32_t count, int32_t *sums) {
    const size_t depth = column_stride(g->segment_bytes), stride = segment_stride(g->columns, g->segment_bytes);
    const int8_t *weights = (const int8_t *)g->packed + (size_t)column * depth;
    const int32_t columns = (int32_t)padded(count, EQ_DOT_COLUMNS);
    PREFIX(dot)(in + g->segment_offsets[0], weights, (int32_t)depth, columns, sums);
    for (int32_t s = 1; s < g->segments; s++) {
        int32_t more[DYNAMIC_BLOCK];
        PREFIX(dot)(in + g->segment_offsets[s], weights + (size_t)s * stride, (int32_t)depth, columns, more);
        for (int32_t n = 0; n < count; n++) {
            sums[n] = eq_add_wrapping(sums[n], more[n]);
        }
    }
}

static void finish(const eq_gemm_dynamic *g, const dynamic_column *columns, eq_dynamic_scale scale, const int32_t *sums,
                   int32_t count, float *out) {
    for (int32_t n = 0; n < count; n++) {
        const int32_t sum = eq_add_wrapping(sums[n], eq_multiply_wrapping(-scale.zero_point, columns[n].sum));
        float x = eq_fused((float)sum * scale.scale, columns[n].scale, columns[n].bias);
        x = x <= g->min ? g->min : x;
        out[n] = x >= g->max ? g->max : x;
    }
}

void PREFIX(gemm_dynamic_run)(const eq_gemm_dynamic *g, const int8_t *const *in, const eq_dynamic_scale *scales,
                              float *const *out, int32_t rows, int32_t first_column, int32_t last_column) {
    const size_t all = (size_t)g->segments * segment_stride(g->columns, g->segment_bytes);
    const dynamic_column *columns = (const dynamic_column *)(const void *)((const int8_t *)g->packed + all);
    for (int32_t n = first_column; n < last_column; n += DYNAMIC_BLOCK) {
        const int32_t count = last_column - n < DYNAMIC_BLOCK ? last_column - n : DYNAMIC_BLOCK;
        for (int32_t r = 0; r < rows; r++) {
            int32_t sums[DYNAMIC_BLOCK];
            sum_columns(g, in[r], n, count, sums);
            finish(g, columns + n, scales[r], sums, count, out[r] + n);
        }
    }
}
