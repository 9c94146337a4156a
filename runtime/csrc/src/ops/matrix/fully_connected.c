/* FULLY_CONNECTED: input of any rank, seen as (rows, depth); weights (columns, depth), bias (columns). */
#include <string.h>

#include "float_layers.h"
#include "gemm_driver.h"
#include "plan/operator.h"

enum { ACTIVATION = 0, WEIGHTS_FORMAT = 1, KEEP_NUM_DIMS = 2 }; /* fields of the options */

static eq_status plan_int8(eq_plan *plan, const eq_operator *op, int32_t rows) {
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    const int32_t columns = weights->dims[0], depth = weights->dims[1];
    eq_gemm_part part = {
        .weights = {.data = weights->data,
                    .columns = columns,
                    .height = 1,
                    .width = 1,
                    .channels = depth,
                    .column_stride = depth,
                    .row_stride = depth,
                    .tap_stride = depth,
                    .channel_stride = 1},
        .height = 1,
        .width = rows,
    };
    eq_gemm_layer layer = {
        .geometry = {.batch = 1,
                     .in_height = 1,
                     .in_width = rows,
                     .in_channels = depth,
                     .out_height = 1,
                     .out_width = rows,
                     .out_channels = columns,
                     .stride_y = 1,
                     .stride_x = 1,
                     .dilation_y = 1,
                     .dilation_x = 1,
                     .out_step_y = 1,
                     .out_step_x = 1},
        .weights = weights,
        .in_tensor = op->inputs[0],
        .out_tensor = op->outputs[0],
        .part_count = 1,
        .parts = &part,
    };
    eq_status status =
        eq_quantized_layer_read(plan, op, input, weights, eq_plan_input(plan, op, 2), eq_plan_output(plan, op, 0), 0, columns,
                                eq_option_byte(op, ACTIVATION, 0), &layer.quantized);
    return status == EQ_OK ? eq_gemm_layer_plan(plan, op, &layer) : status;
}

/* Gives the output its shape and finds the rows. */
static eq_status shape(eq_plan *plan, const eq_operator *op, int32_t *rows) {
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    const bool keep = eq_option_bool(op, KEEP_NUM_DIMS, false);
    if (weights->rank != 2 || input->rank < 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the weights must have two dimensions, the input one or more");
    }
    if (eq_option_byte(op, WEIGHTS_FORMAT, 0) != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "shuffled weights are not supported");
    }
    const int64_t elements = eq_tensor_elements(input);
    const int32_t depth = weights->dims[1];
    if (elements % depth != 0 || (keep && input->dims[input->rank - 1] != depth)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the input cannot be cut into vectors of %d values", (int)depth);
    }
    *rows = (int32_t)(elements / depth);
    int32_t dims[EQ_MAX_RANK] = {*rows, weights->dims[0]};
    if (keep) {
        memcpy(dims, input->dims, sizeof dims);
        dims[input->rank - 1] = weights->dims[0];
    }
    return eq_plan_shape(plan, op, 0, keep ? input->rank : 2, dims);
}

eq_status eq_prepare_fully_connected(eq_plan *plan, const eq_operator *op) {
    int32_t rows = 0;
    eq_status status = eq_plan_arity(plan, op, 2, 3, 1u << 2, 1);
    if (status == EQ_OK) {
        status = shape(plan, op, &rows);
    }
    if (status != EQ_OK) {
        return status;
    }
    if (eq_plan_input(plan, op, 0)->type == EQ_FLOAT32) {
        return eq_float_fully_connected_plan(plan, op, rows, eq_option_byte(op, ACTIVATION, 0));
    }
    return plan_int8(plan, op, rows);
}

EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected, ANY);
EQ_OPERATOR_KERNEL(gemm, FULLY_CONNECTED);
EQ_OPERATOR_NOTE(FULLY_CONNECTED, "any rank; constant weights, not shuffled");
