#include "vector_product.h"

#include <math.h>
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "base/memory.h"

static const ptrdiff_t no_offset = 0;

static int32_t padded(int32_t n, int32_t step) {
    return (n + step - 1) / step * step;
}

static size_t aligned(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

static int32_t columns_of(const eq_vector_product *p) {
    return padded(p->weights->dims[0], EQ_DOT_COLUMNS);
}

static int32_t depth_of(const eq_vector_product *p) {
    return padded(p->weights->dims[1], EQ_DOT_DEPTH);
}

int8_t eq_vector_weight(const eq_tensor *weights, ptrdiff_t index) {
    const int8_t value = ((const int8_t *)weights->data)[index];
    return (int8_t)(weights->file_type == EQ_UINT8 ? value ^ -128 : value);
}

/* ---- preparation ---- */

/* uint8 weights have the zero point 0 in the file, which is -128 here. */
static bool has_one_scale(const eq_tensor *weights) {
    return weights->scale_count == 1 && weights->zero_points[0] == (weights->file_type == EQ_UINT8 ? -128 : 0);
}

static eq_status find_tensors(eq_plan *plan, const eq_operator *op, eq_vector_products *set) {
    for (size_t i = 0; i < EQ_VECTOR_PRODUCTS; i++) {
        eq_vector_product *p = &set->products[i];
        if (p->weights_slot == 0) {
            continue;
        }
        const eq_tensor *bias = p->bias_slot == 0 ? NULL : eq_plan_input(plan, op, p->bias_slot);
        p->weights = eq_plan_input(plan, op, p->weights_slot);
        p->bias = bias ? bias->data : NULL;
        if (set->hybrid && !has_one_scale(p->weights)) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs one scale and the zero point 0 for its input %d",
                                (int)p->weights_slot);
        }
    }
    return EQ_OK;
}

static eq_gemm_f32_weights float_weights(const eq_vector_product *p) {
    return (eq_gemm_f32_weights){p->weights->dims[0], 1, p->weights->dims[1], p->weights->data, p->bias, false};
}

/* Bytes of a product, SIZE_MAX if they are too many. */
static size_t product_bytes(const eq_vector_products *set, const eq_vector_product *p) {
    enum { PADDING = 64 };
    const uint64_t values = ((uint64_t)p->weights->dims[0] + PADDING) * ((uint64_t)p->weights->dims[1] + PADDING);
    if (values > (uint64_t)PTRDIFF_MAX / (2 * sizeof(float)) / EQ_VECTOR_PRODUCTS) {
        return SIZE_MAX;
    }
    if (!set->hybrid) {
        const eq_gemm_f32_weights weights = float_weights(p);
        return aligned(set->kernels->gemm_f32.packed_bytes(&weights));
    }
    const size_t columns = (size_t)columns_of(p);
    return aligned(columns * (size_t)depth_of(p)) + aligned(columns * sizeof(int32_t));
}

/* Where each product begins; returns the size of all, SIZE_MAX if it is too large. */
static size_t lay_out(eq_vector_products *set) {
    size_t at = 0;
    for (size_t i = 0; i < EQ_VECTOR_PRODUCTS; i++) {
        eq_vector_product *p = &set->products[i];
        const size_t bytes = p->weights ? product_bytes(set, p) : 0;
        if (bytes == SIZE_MAX) {
            return SIZE_MAX;
        }
        p->at = at;
        at += bytes;
    }
    return at;
}

static void pack_hybrid(const eq_vector_product *p, uint8_t *packed) {
    const int32_t columns = p->weights->dims[0], depth = p->weights->dims[1];
    int32_t *sums = (int32_t *)(void *)(packed + aligned((size_t)columns_of(p) * (size_t)depth_of(p)));
    for (int32_t n = 0; n < columns; n++) {
        int8_t *to = (int8_t *)packed + (ptrdiff_t)n * depth_of(p);
        for (int32_t k = 0; k < depth; k++) {
            to[k] = eq_vector_weight(p->weights, (ptrdiff_t)n * depth + k);
            sums[n] += to[k];
        }
    }
}

static void pack(const void *arguments, void *packed) {
    const eq_vector_products *set = arguments;
    for (size_t i = 0; i < EQ_VECTOR_PRODUCTS; i++) {
        const eq_vector_product *p = &set->products[i];
        if (p->weights && set->hybrid) {
            pack_hybrid(p, (uint8_t *)packed + p->at);
        } else if (p->weights) {
            const eq_gemm_f32_weights weights = float_weights(p);
            set->kernels->gemm_f32.pack(&weights, (uint8_t *)packed + p->at);
        }
    }
}

eq_status eq_vector_products_pack(eq_plan *plan, const eq_operator *op, eq_vector_products *set) {
    set->kernels = plan->kernels;
    const eq_status status = find_tensors(plan, op, set);
    if (status != EQ_OK) {
        return status;
    }
    const uint8_t *packed = eq_plan_packed(plan, op, lay_out(set), pack, set);
    if (!packed) {
        return (eq_status)plan->error->status;
    }
    for (size_t i = 0; i < EQ_VECTOR_PRODUCTS; i++) {
        eq_vector_product *p = &set->products[i];
        if (p->weights && set->hybrid) {
            p->quantized = (const int8_t *)packed + p->at;
            p->sums = (const int32_t *)(const void *)(packed + p->at + aligned((size_t)columns_of(p) * (size_t)depth_of(p)));
        } else if (p->weights) {
            p->gemm =
                (eq_gemm_f32){packed + p->at, p->weights->dims[0], 1, p->weights->dims[1], &no_offset, -INFINITY, INFINITY};
        }
    }
    return EQ_OK;
}

size_t eq_vector_sums_bytes(const eq_vector_products *set) {
    int32_t most = 0;
    for (size_t i = 0; i < EQ_VECTOR_PRODUCTS; i++) {
        const eq_vector_product *p = &set->products[i];
        most = p->weights && columns_of(p) > most ? columns_of(p) : most;
    }
    return aligned((size_t)most * sizeof(int32_t));
}

size_t eq_vector_row_bytes(const eq_vector_products *set) {
    int32_t most = 0;
    for (size_t i = 0; i < EQ_VECTOR_PRODUCTS; i++) {
        const eq_vector_product *p = &set->products[i];
        most = p->weights && set->hybrid && depth_of(p) > most ? depth_of(p) : most;
    }
    return aligned((size_t)most);
}

/* ---- runs ---- */

eq_vector eq_vector_read(const eq_vector_products *set, const float *values, int32_t n, void *row) {
    eq_vector vector = {.values = values, .quantized = row};
    if (set->hybrid) {
        eq_dynamic_quantize_group(set->kernels, set->asymmetric ? EQ_DYNAMIC_LITERT : EQ_DYNAMIC_SYMMETRIC, values, n, row,
                                  &vector.scale);
    }
    return vector;
}

static void add_hybrid(const eq_vector_products *set, const eq_vector_product *p, const eq_vector *vector, float *out,
                       int32_t *sums) {
    const float scale = vector->scale.scale * p->weights->scales[0];
    set->kernels->dot(vector->quantized, p->quantized, depth_of(p), columns_of(p), sums);
    for (int32_t n = 0; n < p->weights->dims[0]; n++) {
        const int32_t sum = eq_add_wrapping(sums[n], eq_multiply_wrapping(-vector->scale.zero_point, p->sums[n]));
        out[n] += (float)sum * scale;
    }
}

static void multiply_float(const eq_vector_products *set, const eq_vector_product *p, const eq_vector *vector, float *out) {
    const void *in = vector->values;
    void *to = out;
    set->kernels->gemm_f32.run(&p->gemm, &in, &to, 1, 0, p->gemm.columns);
}

void eq_vector_write(const eq_vector_products *set, int32_t product, const eq_vector *vector, float *out, void *sums) {
    const eq_vector_product *p = &set->products[product];
    if (!set->hybrid) {
        multiply_float(set, p, vector, out);
        return;
    }
    const size_t bytes = (size_t)p->weights->dims[0] * sizeof *out;
    if (p->bias) {
        memcpy(out, p->bias, bytes);
    } else {
        memset(out, 0, bytes);
    }
    add_hybrid(set, p, vector, out, sums);
}

void eq_vector_add(const eq_vector_products *set, int32_t product, const eq_vector *vector, float *out, void *sums) {
    const eq_vector_product *p = &set->products[product];
    if (set->hybrid) {
        add_hybrid(set, p, vector, out, sums);
        return;
    }
    float *part = sums;
    multiply_float(set, p, vector, part);
    for (int32_t n = 0; n < p->weights->dims[0]; n++) {
        out[n] += part[n];
    }
}
