#include "pack_f32.h"

#include "arithmetic/half.h"

static size_t align(size_t bytes) {
    return (bytes + 63) & ~(size_t)63;
}

static uint64_t taps_of(const eq_matrix_f32 *m) {
    return (uint64_t)m->height * (uint64_t)m->width * (uint64_t)m->channels;
}

static eq_packed_matrix shape_of(const eq_product_f32 *product, const eq_matrix_f32 *m) {
    const bool adjacent = product->geometry.dilation_x == 1 && m->channels == product->geometry.in_channels;
    const int32_t taps_x = adjacent ? 1 : m->width;
    return (eq_packed_matrix){.columns = m->columns,
                              .segments = m->height * taps_x,
                              .taps = adjacent ? m->width * m->channels : m->channels,
                              .taps_x = taps_x};
}

size_t eq_matrices_f32_place(const eq_product_f32 *product, const eq_gemm_f32_kernel *kernel, eq_packed_matrix *places) {
    enum { PADDING = 64 };
    size_t bytes = 0;
    for (int32_t i = 0; i < product->matrix_count; ++i) {
        const eq_matrix_f32 *m = &product->matrices[i];
        const uint64_t taps = taps_of(m);
        if (taps > INT32_MAX || (taps + 1) > (uint64_t)PTRDIFF_MAX / sizeof(float) / ((uint64_t)m->columns + PADDING)) {
            return SIZE_MAX;
        }
        places[i] = shape_of(product, m);
        places[i].offset = bytes;
        const eq_gemm_f32_weights weights = {m->columns, places[i].segments, places[i].taps, NULL, NULL, false};
        const size_t own = align(kernel->packed_bytes(&weights));
        if (own > (size_t)PTRDIFF_MAX - bytes) {
            return SIZE_MAX;
        }
        bytes += own;
    }
    return bytes;
}

/* The file's order is the kernel's. */
static bool is_direct(const eq_matrix_f32 *m, eq_type type) {
    return type == EQ_FLOAT32 && m->channel_stride == 1 && m->tap_stride == m->channels &&
           m->row_stride == m->tap_stride * m->width && m->column_stride == m->row_stride * m->height;
}

/* The same, with the columns last. */
static bool is_transposed(const eq_matrix_f32 *m, eq_type type) {
    return type == EQ_FLOAT32 && m->height == 1 && m->width == 1 && m->column_stride == 1 && m->channel_stride == m->columns;
}

size_t eq_matrices_f32_scratch(const eq_product_f32 *product) {
    size_t most = 0;
    for (int32_t i = 0; i < product->matrix_count; ++i) {
        const size_t values = (size_t)taps_of(&product->matrices[i]) * (size_t)product->matrices[i].columns;
        most = values > most ? values : most;
    }
    return most * sizeof(float);
}

static float value_at(const eq_pack_f32 *p, ptrdiff_t index) {
    return p->type == EQ_FLOAT16 ? eq_half_to_float(((const uint16_t *)p->weights)[index]) : ((const float *)p->weights)[index];
}

static void gather(const eq_pack_f32 *p, const eq_matrix_f32 *m, float *out) {
    for (int32_t n = 0; n < m->columns; ++n) {
        for (int32_t y = 0; y < m->height; ++y) {
            for (int32_t x = 0; x < m->width; ++x) {
                const ptrdiff_t tap = m->first + n * m->column_stride + y * m->row_stride + x * m->tap_stride;
                for (int32_t c = 0; c < m->channels; ++c) {
                    *out++ = value_at(p, tap + c * m->channel_stride);
                }
            }
        }
    }
}

void eq_matrices_f32_pack(const eq_pack_f32 *p, void *packed) {
    for (int32_t i = 0; i < p->product->matrix_count; ++i) {
        const eq_matrix_f32 *m = &p->product->matrices[i];
        const eq_packed_matrix *place = &p->places[i];
        eq_gemm_f32_weights weights = {
            m->columns, place->segments, place->taps, p->scratch, p->bias ? p->bias + m->first_bias : NULL, false};
        weights.columns_last = is_transposed(m, p->type);
        if (weights.columns_last || is_direct(m, p->type)) {
            weights.weights = (const float *)p->weights + m->first;
        } else {
            gather(p, m, p->scratch);
        }
        p->kernel->pack(&weights, (uint8_t *)packed + place->offset);
    }
}
