/* What the ways to compute an int8 depthwise convolution share. */
#ifndef EQ_DEPTHWISE_H
#define EQ_DEPTHWISE_H

#include "weights.h"
#include "ops/window.h"

typedef struct eq_depthwise_layer {
    eq_quantized_layer quantized;
    const eq_tensor *weights; /* (1, height, width, channels * multiplier) */
    eq_window window;
    int32_t in_tensor, out_tensor;
    int32_t batch, channels; /* of the input */
} eq_depthwise_layer;

eq_weight_view eq_depthwise_view(const eq_depthwise_layer *layer);

/* Set a step's units, cost and uses. */
void eq_depthwise_step_work(eq_step *step, const eq_depthwise_layer *layer, int64_t units);

/* Any multiplier, and weights that int8 cannot hold once their zero point is gone. (depthwise_general_s8.c) */
eq_status eq_depthwise_general_plan(eq_plan *plan, const eq_operator *op, const eq_depthwise_layer *layer);

#endif
