#include "layers.h"
#include "plan/operator.h"
#include "product_f32.h"
#include "winograd_f32.h"

static eq_status plan_winograd(eq_plan *plan, const eq_operator *op, int32_t in_tensor, const eq_window *window, float min,
                               float max) {
    const eq_tensor *input = &plan->tensors[in_tensor].tensor;
    const eq_winograd_f32 layer = {.window = window,
                                   .weights = eq_plan_input(plan, op, 1),
                                   .bias = eq_plan_input(plan, op, 2),
                                   .in_tensor = in_tensor,
                                   .out_tensor = op->outputs[0],
                                   .batch = input->dims[0],
                                   .in_height = input->dims[1],
                                   .in_width = input->dims[2],
                                   .min = min,
                                   .max = max};
    return eq_winograd_f32_plan(plan, op, &layer);
}

static eq_status plan_layer(eq_plan *plan, const eq_operator *op, eq_window *window, float min, float max) {
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    const int32_t columns = weights->dims[0], channels = weights->dims[3], groups = input->dims[3] / channels;
    const int32_t in_tensor = eq_window_absorb_pad(plan, op->inputs[0], window);
    if (eq_winograd_f32_takes(plan, op, window)) {
        return plan_winograd(plan, op, in_tensor, window, min, max);
    }
    eq_product_f32 product = {
        .geometry = eq_gemm_window_geometry(input, window, columns),
        .weights = op->inputs[1],
        .bias = op->input_count > 2 ? op->inputs[2] : -1,
        .in_tensor = in_tensor,
        .out_tensor = op->outputs[0],
        .halo = window->pad,
        .min = min,
        .max = max,
        .matrix_count = groups,
        .part_count = groups,
        .matrices = eq_plan_take(plan, (size_t)groups * sizeof *product.matrices),
        .parts = eq_plan_take(plan, (size_t)groups * sizeof *product.parts),
    };
    if (!product.matrices || !product.parts) {
        return (eq_status)plan->error->status;
    }
    const ptrdiff_t column = (ptrdiff_t)window->height * window->width * channels;
    for (int32_t g = 0; g < groups; ++g) {
        const int32_t first_column = g * (columns / groups);
        product.matrices[g] = (eq_matrix_f32){.first = first_column * column,
                                              .columns = columns / groups,
                                              .height = window->height,
                                              .width = window->width,
                                              .channels = channels,
                                              .column_stride = column,
                                              .row_stride = (ptrdiff_t)window->width * channels,
                                              .tap_stride = channels,
                                              .channel_stride = 1,
                                              .first_bias = first_column};
        product.parts[g] = (eq_part_f32){.matrix = g,
                                         .in_first = (ptrdiff_t)g * channels,
                                         .out_first = first_column,
                                         .in_y = -window->pad.top,
                                         .in_x = -window->pad.left,
                                         .height = window->out_height,
                                         .width = window->out_width};
    }
    return eq_product_f32_plan(plan, op, &product);
}

eq_status eq_prepare_conv_f32(eq_plan *plan, const eq_operator *op) {
    eq_window window;
    int32_t activation;
    float min, max;
    eq_status status = eq_conv_read(plan, op, &window, &activation);
    if (status == EQ_OK) {
        status = eq_float_layer_read(plan, op, eq_plan_input(plan, op, 0), activation, &min, &max);
    }
    if (status == EQ_OK) {
        const eq_tensor *weights = eq_plan_input(plan, op, 1);
        status = eq_float_weights_check(plan, op, weights, eq_plan_input(plan, op, 2), weights->dims[0]);
    }
    return status == EQ_OK ? plan_layer(plan, op, &window, min, max) : status;
}

EQ_OPERATOR(CONV_2D, eq_prepare_conv_f32, FLOAT32, FLOAT32);
EQ_OPERATOR(CONV_2D, eq_prepare_conv_f32, FLOAT32, FLOAT16);
EQ_OPERATOR(CONV_2D, eq_prepare_conv_f32, FLOAT16, FLOAT32);
EQ_OPERATOR(CONV_2D, eq_prepare_conv_f32, FLOAT16, FLOAT16);
EQ_OPERATOR_KERNEL(gemm_f32, CONV_2D);
