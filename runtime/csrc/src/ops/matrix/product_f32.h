/* Float products over windows of an image: the one way to the kernel gemm_f32, as gemm_driver.h is to that of int8.
 *
 * A product has matrices, which are packed once where they are constant, and parts, each of which computes the columns of one matrix
 * at some of the output's pixels:
 *
 *     out[b][out_y + y * out_step_y][out_x + x * out_step_x][n] = clamp(bias[n] + sum over i, j, c of weights[n][i][j][c] *
 *         in[b][in_y + y * stride_y + i * dilation_y][in_x + x * stride_x + j * dilation_x][c]) */
#ifndef EQ_PRODUCT_F32_H
#define EQ_PRODUCT_F32_H

#include "gemm_driver.h"

/* Where the values of a matrix lie in the tensor of weights; distances in elements. */
typedef struct eq_matrix_f32 {
    ptrdiff_t first;
    int32_t columns, height, width, channels; /* channels may be 0: the results are the bias */
    ptrdiff_t column_stride, row_stride, tap_stride, channel_stride;
    int32_t first_bias;
} eq_matrix_f32;

typedef struct eq_part_f32 {
    int32_t matrix;
    ptrdiff_t in_first, out_first; /* elements from a pixel's start, or from the tensor's for a part of one image */
    int32_t in_y, in_x;            /* of the first window; negative: in the halo */
    int32_t out_y, out_x;          /* of the first pixel */
    int32_t height, width;         /* pixels that the part computes */
} eq_part_f32;

typedef struct eq_product_f32 {
    eq_gemm_geometry geometry;
    int32_t weights, bias; /* tensors: float32, or weights of float16; bias may be -1. Computed ones are packed in each run */
    int32_t in_tensor, out_tensor; /* of one type, float32 or float16, which chooses the kernel */
    eq_halo halo;                  /* of the input; needs geometry.rows */
    float min, max;
    int32_t matrix_count, part_count;
    eq_matrix_f32 *matrices;
    eq_part_f32 *parts;
} eq_product_f32;

/* Checks types and bias, packs, and appends the step. */
eq_status eq_product_f32_plan(eq_plan *plan, const eq_operator *op, const eq_product_f32 *product);

/* Reads a fused activation's bounds, and checks that the output is as the input, float32, or float16 where plan->half. */
eq_status eq_float_layer_read(eq_plan *plan, const eq_operator *op, const eq_tensor *input, int32_t activation, float *min,
                              float *max);

/* What weights may be: float32 or float16, and a bias of a float32 for each column, or none. */
eq_status eq_float_weights_check(eq_plan *plan, const eq_operator *op, const eq_tensor *weights, const eq_tensor *bias,
                                 int32_t columns);

#endif
