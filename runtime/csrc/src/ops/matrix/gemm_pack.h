/* The weights of a layer of matrix products, packed part after part. */
#ifndef EQ_GEMM_PACK_H
#define EQ_GEMM_PACK_H

#include "gemm_driver.h"

/* How a part's weights are cut into segments of adjacent input bytes. Weights that one int8 cannot hold are an int8 and a shift
 * where the kernel adds that, else the sum of several terms: the segments are repeated, at the same places of the input. */
typedef struct eq_gemm_shape {
    int32_t terms, taps_x; /* taps_x 1: a kernel row is one segment */
    int32_t segments, segment_bytes;
} eq_gemm_shape;

eq_gemm_shape eq_gemm_part_shape(const eq_gemm_layer *layer, const eq_gemm_part *part);

/* Cuts parts into runs of columns that take as many terms: of the weights of an old uint8 layer a few do not fit one, and the others'
 * work is not doubled for their sake. `parts` live as long as the plan. (gemm_terms.c) */
eq_status eq_gemm_divide(eq_plan *plan, eq_gemm_layer *layer);

/* The packed parts, made the first time; NULL: error written. */
const void *eq_gemm_pack_layer(eq_plan *plan, const eq_operator *op, const eq_gemm_layer *layer);

/* Where part `index` is; returns its `small` (kernels.h). */
bool eq_gemm_packed_part(const void *packed, int32_t index, const void **part);

#endif
