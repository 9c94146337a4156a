/* CONV_2D: input (batch, height, width, channels), weights (columns, kernel height, kernel width, channels / groups), bias
 * (columns). */
#include "float_layers.h"
#include "gemm_driver.h"
#include "plan/operator.h"
#include "ops/quantization.h"
#include "ops/window.h"

static const eq_window_fields fields = {.padding = 0, .stride_x = 1, .stride_y = 2, .dilation_x = 4, .dilation_y = 5};
enum { ACTIVATION = 3 }; /* field of the options */

static eq_status check_shapes(eq_plan *plan, const eq_operator *op, const eq_tensor *input, const eq_tensor *weights) {
    if (input->rank != 4 || weights->rank != 4) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input and weights must have four dimensions");
    }
    if (input->dims[3] % weights->dims[3] != 0 || weights->dims[0] % (input->dims[3] / weights->dims[3]) != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "%d channels cannot be cut into groups of %d for %d output channels",
                            (int)input->dims[3], (int)weights->dims[3], (int)weights->dims[0]);
    }
    return EQ_OK;
}

static eq_status plan_int8(eq_plan *plan, const eq_operator *op, eq_window *window) {
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    const eq_tensor *bias = eq_plan_input(plan, op, 2), *output = eq_plan_output(plan, op, 0);
    const int32_t columns = weights->dims[0], group_channels = weights->dims[3], groups = input->dims[3] / group_channels;
    const int32_t in_tensor = eq_window_absorb_pad(plan, op->inputs[0], window);
    eq_gemm_layer layer = {
        .geometry = eq_gemm_window_geometry(input, window, columns),
        .weights = weights,
        .in_tensor = in_tensor,
        .out_tensor = op->outputs[0],
        .halo = window->pad,
        .part_count = groups,
        .parts = eq_plan_take(plan, (size_t)groups * sizeof(eq_gemm_part)),
    };
    if (!layer.parts) {
        return (eq_status)plan->error->status;
    }
    eq_status status = eq_quantized_layer_read(plan, op, input, weights, bias, output, 0, columns,
                                               eq_option_byte(op, ACTIVATION, 0), &layer.quantized);
    if (status != EQ_OK) {
        return status;
    }
    const ptrdiff_t column_bytes = (ptrdiff_t)window->height * window->width * group_channels;
    for (int32_t g = 0; g < groups; ++g) {
        const int32_t first_column = g * (columns / groups);
        layer.parts[g] = (eq_gemm_part){
            .weights = {.data = (const int8_t *)weights->data + first_column * column_bytes,
                        .columns = columns / groups,
                        .height = window->height,
                        .width = window->width,
                        .channels = group_channels,
                        .column_stride = column_bytes,
                        .row_stride = (ptrdiff_t)window->width * group_channels,
                        .tap_stride = group_channels,
                        .channel_stride = 1},
            .first_column = first_column,
            .in_channel = g * group_channels,
            .in_y = -window->pad.top,
            .in_x = -window->pad.left,
            .height = window->out_height,
            .width = window->out_width,
        };
    }
    return eq_gemm_layer_plan(plan, op, &layer);
}

eq_status eq_prepare_conv_2d(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 3, 1u << 2, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    eq_window window;
    status = check_shapes(plan, op, input, weights);
    if (status == EQ_OK) {
        status = eq_window_read(plan, op, &fields, input->dims[1], input->dims[2], weights->dims[1], weights->dims[2], &window);
    }
    if (status == EQ_OK) {
        const int32_t dims[4] = {input->dims[0], window.out_height, window.out_width, weights->dims[0]};
        status = eq_plan_shape(plan, op, 0, 4, dims);
    }
    if (status != EQ_OK) {
        return status;
    }
    if (input->type == EQ_FLOAT32) {
        return eq_float_conv_plan(plan, op, &window, input->dims[3] / weights->dims[3], eq_option_byte(op, ACTIVATION, 0));
    }
    return plan_int8(plan, op, &window);
}

EQ_OPERATOR(CONV_2D, eq_prepare_conv_2d, ANY);
EQ_OPERATOR_KERNEL(gemm, CONV_2D);
EQ_OPERATOR_NOTE(CONV_2D, "any stride, dilation, padding, groups; constant weights");
