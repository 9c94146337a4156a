/* FULLY_CONNECTED on int8. */
#include "gemm_driver.h"
#include "layers.h"
#include "plan/operator.h"

static eq_status plan_layer(eq_plan *plan, const eq_operator *op, int32_t rows, int32_t activation) {
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
        .geometry = eq_gemm_row_geometry(rows, depth, columns),
        .weights = weights,
        .in_tensor = op->inputs[0],
        .out_tensor = op->outputs[0],
        .part_count = 1,
        .parts = &part,
    };
    eq_status status = eq_quantized_layer_read(plan, op, input, weights, eq_plan_input(plan, op, 2),
                                               eq_plan_output(plan, op, 0), 0, columns, activation, &layer.quantized);
    return status == EQ_OK ? eq_gemm_layer_plan(plan, op, &layer) : status;
}

eq_status eq_prepare_fully_connected_s8(eq_plan *plan, const eq_operator *op) {
    int32_t rows, activation;
    const eq_status status = eq_fully_connected_read(plan, op, &rows, &activation);
    return status == EQ_OK ? plan_layer(plan, op, rows, activation) : status;
}

EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected_s8, INT8);
EQ_OPERATOR_KERNEL(gemm, FULLY_CONNECTED);
EQ_OPERATOR_NOTE(FULLY_CONNECTED, "any rank; constant weights, not shuffled");
