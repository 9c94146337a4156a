/* What all types of a transposed convolution share. With a stride of s, the output pixels at the same place in the stride see the same
 * taps: for each of the places there is an ordinary convolution of stride 1, with those taps in reverse order, that computes every
 * s-th pixel:
 *
 *     out[b][y][x][n] = bias[n] + sum over i, j, c of weights[n][i][j][c] * in[b][(y + top - i) / stride_y][(x + left - j) / stride_x][c]
 *
 * over those taps i, j where the divisions leave no remainder and the pixel exists. */
#ifndef EQ_TRANSPOSE_CONV_H
#define EQ_TRANSPOSE_CONV_H

#include "gemm_driver.h"

typedef struct eq_transpose_conv {
    const eq_tensor *input, *weights, *output;                  /* weights (columns, height, width, channels) */
    int32_t in_tensor, weights_tensor, bias_tensor, out_tensor; /* bias_tensor is -1 for none */
    int32_t stride_y, stride_x, top, left;
    bool regular; /* the shapes fit each other, and XNNPACK takes them */
} eq_transpose_conv;

/* The convolution that computes one place of the stride. */
typedef struct eq_transpose_part {
    int32_t taps_y, taps_x;                      /* either may be 0: the pixels are the bias */
    ptrdiff_t first, row_stride, tap_stride;     /* elements: from the weights' start to its first tap, and between taps */
    int32_t in_y, in_x;                          /* of the first window; negative: before the image */
    int32_t out_y, out_x, out_height, out_width; /* the first pixel; how many, a stride apart */
} eq_transpose_part;

/* Reads TRANSPOSE_CONV's shapes and options, and gives the output its shape. */
eq_status eq_transpose_conv_read(eq_plan *plan, const eq_operator *op, eq_transpose_conv *conv, int32_t *activation);

/* Finds top, left and regular, from shapes and strides; fails if padding or strides do not exist. */
eq_status eq_transpose_conv_place(eq_plan *plan, const eq_operator *op, int32_t padding, eq_transpose_conv *conv);

static inline int32_t eq_transpose_conv_places(const eq_transpose_conv *conv) {
    return conv->stride_y * conv->stride_x;
}

/* Of the parts' convolutions, whatever the values' type. */
eq_gemm_geometry eq_transpose_conv_geometry(const eq_transpose_conv *conv);

eq_transpose_part eq_transpose_conv_part(const eq_transpose_conv *conv, int32_t place);

/* Widens `halo` to what the part's windows reach. */
void eq_transpose_part_reach(const eq_transpose_part *part, const eq_tensor *input, eq_halo *halo);

/* Of floats. (transpose_conv_f32.c) */
eq_status eq_transpose_conv_plan_f32(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv, int32_t activation);

/* Of int8 with LiteRT's integer arithmetic, for the shapes that XNNPACK does not take. (transpose_conv_irregular_s8.c) */
eq_status eq_transpose_conv_irregular_plan(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv,
                                           const eq_quantized_layer *quantized);

#endif
