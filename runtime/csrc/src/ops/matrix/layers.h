/* What the types of a layer share: shapes and options, which say nothing of types. Each also gives the output its shape. */
#ifndef EQ_LAYERS_H
#define EQ_LAYERS_H

#include "ops/window.h"

/* CONV_2D: input (batch, height, width, channels), weights (columns, kernel height, kernel width, channels / groups), bias
 * (columns). */
eq_status eq_conv_read(eq_plan *plan, const eq_operator *op, eq_window *window, int32_t *activation);

/* DEPTHWISE_CONV_2D: input (batch, height, width, channels), weights (1, kernel height, kernel width, channels * multiplier), bias
 * (channels * multiplier). */
eq_status eq_depthwise_read(eq_plan *plan, const eq_operator *op, eq_window *window, int32_t *activation);

/* Append a step that writes each channel of the images `times` times. Returns the tensor, or -1 with the error written. */
int32_t eq_depthwise_repeat_channels(eq_plan *plan, const eq_operator *op, int32_t tensor, int32_t times);

/* FULLY_CONNECTED: input of any rank, seen as (rows, depth); weights (columns, depth), bias (columns). */
eq_status eq_fully_connected_read(eq_plan *plan, const eq_operator *op, int32_t *rows, int32_t *activation);

/* CONV_2D and DEPTHWISE_CONV_2D of int8 whose weights are int4 in the file. (conv_s4.c) */
eq_status eq_conv_plan_s4(eq_plan *plan, const eq_operator *op);
eq_status eq_depthwise_plan_s4(eq_plan *plan, const eq_operator *op);

static inline bool eq_has_int4_weights(const eq_plan *plan, const eq_operator *op) {
    const eq_tensor *weights = eq_plan_input(plan, op, 1);
    return weights && weights->file_type == EQ_INT4;
}

#endif
