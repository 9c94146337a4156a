/* Quantized weights on their way into a kernel's packed form: zero points removed, the input's zero point folded into the
 * bias, and what can be proven about the sums. */
#ifndef EQ_WEIGHTS_H
#define EQ_WEIGHTS_H

#include "plan/plan.h"

/* Weights in the file, as (columns, height, width, channels) with the distance of neighbours in each direction. */
typedef struct eq_weight_view {
    const int8_t *data; /* NULL: all weights are zero */
    int32_t columns, height, width, channels;
    ptrdiff_t column_stride, row_stride, tap_stride, channel_stride;
} eq_weight_view;

/* The quantization around one matrix product or depthwise convolution. Column n is `first_column` + n of the arrays. */
typedef struct eq_quantized_layer {
    const int32_t *bias;               /* NULL: none */
    const int32_t *weight_zero_points; /* one, or one a column */
    int32_t weight_zero_point_count;
    float *scale; /* (columns) input scale * weight scale / output scale */
    int32_t in_zero_point, out_zero_point, min, max;
    int32_t columns;
} eq_quantized_layer;

/* Check the types and quantization of the operator's input 0, weights and bias (inputs 1 and 2, whose column is
 * `channel_axis` of the weights) and output, and fill `layer`. The output must have its shape. */
eq_status eq_quantized_layer_read(eq_plan *plan, const eq_operator *op, const eq_tensor *input, const eq_tensor *weights,
                                  const eq_tensor *bias, const eq_tensor *output, int32_t channel_axis, int32_t columns,
                                  int32_t activation, eq_quantized_layer *layer);

/* How many int8 numbers, none -128 if `no_minimum`, a weight minus its zero point may have to be the sum of: 1, 2 or 3. */
int32_t eq_weight_terms(const eq_tensor *weights, bool no_minimum);

/* How many those of column n, whose quantization is that of column `n + first_column`, have to. */
int32_t eq_weight_column_terms(const eq_weight_view *view, const eq_quantized_layer *layer, int32_t n, int32_t first_column,
                               bool no_minimum);

/* Whether no size can overflow when a kernel packs `terms` times these weights, whatever it pads and widens: true of all but
 * absurd layers where addresses have 64 bits. */
bool eq_weights_fit(const eq_weight_view *view, int32_t terms);

/* Take column n, whose quantization is that of column `n + first_column`: its weights minus their zero point (height * width *
 * channels of them), the bias with the input's zero point folded in. False if the shortcuts of `small` (kernels.h) could go
 * wrong. */
bool eq_weight_column(const eq_weight_view *view, const eq_quantized_layer *layer, int32_t n, int32_t first_column,
                      int16_t *weights, int32_t *bias);

/* The same for a column whose weights are adjacent in the file and have the zero point 0: they stay where they are. */
bool eq_weight_column_in_place(const eq_weight_view *view, const eq_quantized_layer *layer, int32_t n, int32_t first_column,
                               int32_t *bias);

#endif
