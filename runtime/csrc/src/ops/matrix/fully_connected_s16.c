/* FULLY_CONNECTED of int16 with int8 weights. */
#include "plan/operator.h"
#include "product_s16.h"

eq_status eq_prepare_fully_connected_s16(eq_plan *plan, const eq_operator *op) {
    int32_t rows, activation;
    const eq_status status = eq_fully_connected_read(plan, op, &rows, &activation);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *weights = eq_plan_input(plan, op, 1), *bias = eq_plan_input(plan, op, 2);
    const int32_t columns = weights->dims[0], depth = weights->dims[1];
    const bool in_double = bias && bias->type == EQ_INT64;
    const eq_product_s16 product = {
        .window = {.height = 1,
                   .width = 1,
                   .stride_y = 1,
                   .stride_x = 1,
                   .dilation_y = 1,
                   .dilation_x = 1,
                   .out_height = rows,
                   .out_width = 1},
        .batch = 1,
        .in_height = rows,
        .in_width = 1,
        .in_channels = depth,
        .out_channels = columns,
        .group_channels = depth,
        .group_columns = columns,
        .weight_column = depth,
        .weight_tap = depth,
        .weight_channel = 1,
        .in_tensor = op->inputs[0],
        .out_tensor = op->outputs[0],
        .weights = weights,
        .bias = bias,
        .activation = activation,
        .rounding = in_double ? EQ_IN_DOUBLE : EQ_TWICE_TIES_UP,
        .float_scales = !in_double && weights->scale_count == 1,
    };
    return eq_product_s16_plan(plan, op, &product);
}

EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected_s16, INT16, INT8);
