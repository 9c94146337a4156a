#include "layers.h"
#include "plan/operator.h"
#include "product_f32.h"

static eq_status plan_layer(eq_plan *plan, const eq_operator *op, int32_t rows, float min, float max) {
    const eq_tensor *weights = eq_plan_input(plan, op, 1);
    const int32_t columns = weights->dims[0], depth = weights->dims[1];
    eq_product_f32 product = {
        .geometry = eq_gemm_row_geometry(rows, depth, columns),
        .weights = op->inputs[1],
        .bias = op->input_count > 2 ? op->inputs[2] : -1,
        .in_tensor = op->inputs[0],
        .out_tensor = op->outputs[0],
        .min = min,
        .max = max,
        .matrix_count = 1,
        .part_count = 1,
        .matrices = eq_plan_take(plan, sizeof *product.matrices),
        .parts = eq_plan_take(plan, sizeof *product.parts),
    };
    if (!product.matrices || !product.parts) {
        return (eq_status)plan->error->status;
    }
    *product.matrices = (eq_matrix_f32){.columns = columns,
                                        .height = 1,
                                        .width = 1,
                                        .channels = depth,
                                        .column_stride = depth,
                                        .row_stride = depth,
                                        .tap_stride = depth,
                                        .channel_stride = 1};
    *product.parts = (eq_part_f32){.height = 1, .width = rows};
    return eq_product_f32_plan(plan, op, &product);
}

eq_status eq_prepare_fully_connected_f32(eq_plan *plan, const eq_operator *op) {
    int32_t rows, activation;
    float min, max;
    eq_status status = eq_fully_connected_read(plan, op, &rows, &activation);
    if (status == EQ_OK) {
        status = eq_float_layer_read(plan, op, eq_plan_input(plan, op, 0), activation, &min, &max);
    }
    if (status == EQ_OK) {
        const eq_tensor *weights = eq_plan_input(plan, op, 1);
        status = eq_float_weights_check(plan, op, weights, eq_plan_input(plan, op, 2), weights->dims[0]);
    }
    return status == EQ_OK ? plan_layer(plan, op, rows, min, max) : status;
}

EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected_f32, FLOAT32, FLOAT32);
EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected_f32, FLOAT32, FLOAT16);
EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected_f32, FLOAT16, FLOAT32);
EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected_f32, FLOAT16, FLOAT16);
EQ_OPERATOR_KERNEL(gemm_f32, FULLY_CONNECTED);
