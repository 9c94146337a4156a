#include "base/memory.h"
#include "gemm_pack.h"

enum {
    BLOCK = 16, /* columns at least: a run is whole tiles of any kernel, but for the last */
    LEAST_SHIFTED =
        32 /* taps, times blocks: to add up a smaller window's inputs takes longer than to multiply them once more */
};

static int32_t block_columns(const eq_gemm_kernel *kernel) {
    return (BLOCK + kernel->columns - 1) / kernel->columns * kernel->columns;
}

/* Of the columns from `first` on, a block or what is left. */
static int32_t block_terms(const eq_gemm_layer *layer, const eq_gemm_part *part, const eq_gemm_kernel *kernel, int32_t first) {
    const int32_t left = part->weights.columns - first, block = block_columns(kernel), count = left < block ? left : block;
    int32_t most = 1;
    for (int32_t n = first; n < first + count; ++n) {
        const int32_t terms =
            eq_weight_column_terms(&part->weights, &layer->quantized, n, part->first_column, kernel->no_minimum_weight);
        most = terms > most ? terms : most;
    }
    return most;
}

/* Writes the runs of a part, or only counts them if `runs` is NULL. */
static int32_t divide_part(const eq_gemm_layer *layer, const eq_gemm_part *part, const eq_gemm_kernel *kernel,
                           eq_gemm_part *runs) {
    const int32_t columns = part->weights.columns, block = block_columns(kernel);
    int32_t count = 0;
    for (int32_t first = 0, terms = block_terms(layer, part, kernel, 0); first < columns; ++count) {
        int32_t end = first, next = terms;
        while (end < columns && next == terms) {
            end = columns - end < block ? columns : end + block;
            next = end < columns ? block_terms(layer, part, kernel, end) : terms;
        }
        if (runs) {
            runs[count] = *part;
            runs[count].terms = terms;
            runs[count].first_column += first;
            runs[count].weights.columns = end - first;
            runs[count].weights.data = part->weights.data ? part->weights.data + first * part->weights.column_stride : NULL;
        }
        first = end;
        terms = next;
    }
    return count;
}

/* The kernel takes weights as they are in the file, and their zero point beside them. */
static bool is_shifted(const eq_gemm_layer *layer, const eq_gemm_kernel *kernel) {
    const eq_weight_view *w = &layer->parts[0].weights;
    const int64_t taps = (int64_t)w->height * w->width * w->channels;
    return kernel->shifts && layer->quantized.weight_zero_point_count == 1 &&
           taps * ((w->columns + BLOCK - 1) / BLOCK) >= LEAST_SHIFTED;
}

eq_status eq_gemm_divide(eq_plan *plan, eq_gemm_layer *layer) {
    const eq_gemm_kernel *kernel = &plan->kernels->gemm;
    if (eq_weight_terms(layer->weights, kernel->no_minimum_weight) == 1) {
        for (int32_t i = 0; i < layer->part_count; ++i) {
            layer->parts[i].terms = 1;
        }
        return EQ_OK;
    }
    if (is_shifted(layer, kernel)) {
        for (int32_t i = 0; i < layer->part_count; ++i) {
            layer->parts[i].terms = 1;
            layer->parts[i].shift = -layer->quantized.weight_zero_points[0];
        }
        return EQ_OK;
    }
    int32_t count = 0;
    for (int32_t i = 0; i < layer->part_count; ++i) { /* no more than columns of all parts */
        count += divide_part(layer, &layer->parts[i], kernel, NULL);
    }
    eq_gemm_part *runs = eq_plan_take(plan, eq_size_times((size_t)count, sizeof *runs));
    if (!runs) {
        return (eq_status)plan->error->status;
    }
    int32_t made = 0;
    for (int32_t i = 0; i < layer->part_count; ++i) {
        made += divide_part(layer, &layer->parts[i], kernel, runs + made);
    }
    layer->parts = runs;
    layer->part_count = made;
    return EQ_OK;
}
