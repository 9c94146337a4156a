/* What the two ways to compute a transposed convolution share:
 *
 *     sum[b][y][x][n] = bias[n] + sum over i, j, c of weights[n][i][j][c] * (in[b][(y + top - i) / stride_y]
 *                                                                              [(x + left - j) / stride_x][c] - zero point)
 *
 * over those taps i, j where the divisions leave no remainder and the pixel exists. */
#ifndef EQ_TRANSPOSE_CONV_H
#define EQ_TRANSPOSE_CONV_H

#include "weights.h"

typedef struct eq_transpose_conv {
    const eq_tensor *input, *weights, *output; /* weights (columns, height, width, channels) */
    int32_t in_tensor, out_tensor;
    int32_t stride_y, stride_x, top, left;
    eq_quantized_layer quantized;
} eq_transpose_conv;

/* With LiteRT's integer arithmetic, for the shapes that XNNPACK does not take. (transpose_conv_irregular.c) */
eq_status eq_transpose_conv_irregular_plan(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv);

#endif
