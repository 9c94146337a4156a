/* Matrix products, the specification. Packed: bias (columns), scale (columns), weights (columns, segments, segment_bytes). */
#include "set.h"

#include "arithmetic/arithmetic.h"

static size_t weight_bytes(const eq_gemm_weights *w) {
    return (size_t)w->columns * (size_t)w->segments * (size_t)w->segment_bytes;
}

size_t eq_scalar_gemm_packed_bytes(const eq_gemm_weights *w) {
    return (size_t)w->columns * (sizeof(int32_t) + sizeof(float)) + weight_bytes(w);
}

void eq_scalar_gemm_pack(const eq_gemm_weights *w, void *packed) {
    int32_t *bias = packed;
    float *scale = (float *)(bias + w->columns);
    memcpy(bias, w->bias, (size_t)w->columns * sizeof *bias);
    memcpy(scale, w->scale, (size_t)w->columns * sizeof *scale);
    memcpy(scale + w->columns, w->weights, weight_bytes(w));
}

/* acc + the products of one column's weights (segments, segment_bytes) and the window at `in`. */
static int32_t window_product(const eq_gemm *g, const int8_t *weights, const int8_t *in, int32_t acc) {
    for (int32_t s = 0; s < g->segments; s++) {
        const int8_t *segment = in + g->segment_offsets[s];
        for (int32_t k = 0; k < g->segment_bytes; k++) {
            acc = eq_add_wrapping(acc, (weights[k] + g->shift) * segment[k]);
        }
        weights += g->segment_bytes;
    }
    return acc;
}

void eq_scalar_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                        int32_t last_column) {
    const int32_t *bias = g->packed;
    const float *scale = (const float *)(bias + g->columns);
    const int8_t *weights = (const int8_t *)(scale + g->columns);
    const size_t column_bytes = (size_t)g->segments * (size_t)g->segment_bytes;

    for (int32_t n = first_column; n < last_column; n++) {
        for (int32_t r = 0; r < rows; r++) {
            int32_t acc = window_product(g, weights + (size_t)n * column_bytes, in[r], bias[n]);
            out[r][n] = eq_requantize(acc, scale[n], g->zero_point, g->min, g->max);
        }
    }
}
