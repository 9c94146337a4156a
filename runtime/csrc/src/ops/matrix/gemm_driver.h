/* The one way to the matrix kernels: every operator that is a matrix product over windows of an image runs as a layer of parts.
 *
 * A part computes `columns` output channels at some of the output's pixels from a window of the input:
 *
 *     out[b][out_y + y * out_step_y][out_x + x * out_step_x][first_column + n] =
 *         requantize(bias[n] + sum over i, j, c of weights[n][i][j][c] *
 *                    in[b][in_y + y * stride_y + i * dilation_y][in_x + x * stride_x + j * dilation_x][in_channel + c])
 *
 * A convolution has one part for each group, a transposed one for each place of an output pixel relative to the stride, a fully
 * connected layer one, whose "image" is one row of a pixel for each vector. */
#ifndef EQ_GEMM_DRIVER_H
#define EQ_GEMM_DRIVER_H

#include "weights.h"
#include "ops/window.h"

typedef struct eq_gemm_part {
    eq_weight_view weights;
    int32_t first_column, in_channel;
    int32_t in_y, in_x;    /* of the first window; negative: in the halo */
    int32_t out_y, out_x;  /* of the first pixel */
    int32_t height, width; /* pixels that this part computes */
    int32_t terms, shift;  /* int8 numbers whose sum a weight is, and what is beside them; set by eq_gemm_layer_plan */
} eq_gemm_part;

typedef struct eq_gemm_geometry {
    bool rows; /* tensors may have strides; otherwise they are dense and of any rank */
    int32_t batch, in_height, in_width, in_channels, out_height, out_width, out_channels;
    int32_t stride_y, stride_x, dilation_y, dilation_x, out_step_y, out_step_x;
} eq_gemm_geometry;

typedef struct eq_gemm_layer {
    eq_gemm_geometry geometry;
    eq_quantized_layer quantized;
    const eq_tensor *weights;
    int32_t in_tensor, out_tensor;
    eq_halo halo; /* of the input; needs `rows` */
    int32_t part_count;
    eq_gemm_part *parts;
} eq_gemm_layer;

/* Of an ordinary convolution. */
eq_gemm_geometry eq_gemm_window_geometry(const eq_tensor *input, const eq_window *window, int32_t out_channels);

/* Pack the layer's weights and append its step. */
eq_status eq_gemm_layer_plan(eq_plan *plan, const eq_operator *op, const eq_gemm_layer *layer);

/* The shape of a product whose pixels are `rows` vectors of `depth` values. */
eq_gemm_geometry eq_gemm_row_geometry(int32_t rows, int32_t depth, int32_t columns);

#endif
