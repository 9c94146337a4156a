/* CONV_2D on int8. */
#include "base/built_in.h"
#include "gemm_driver.h"
#include "layers.h"
#include "plan/operator.h"
#include "winograd_s8.h"
#include "ops/quantization.h"
#include "ops/window.h"

static eq_status plan_layer(eq_plan *plan, const eq_operator *op, eq_window *window, int32_t activation) {
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
    eq_status status =
        eq_quantized_layer_read(plan, op, input, weights, bias, output, 0, columns, activation, &layer.quantized);
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
    return eq_winograd_suits(plan, op, &layer, window) ? eq_winograd_plan(plan, op, &layer)
                                                       : eq_gemm_layer_plan(plan, op, &layer);
}

eq_status eq_prepare_conv_s8(eq_plan *plan, const eq_operator *op) {
    eq_window window;
    int32_t activation;
    if (eq_has_int4_weights(plan, op)) {
        return EQ_HAS_INT4 ? eq_conv_plan_s4(plan, op)
                           : eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                                          "has weights of int4, which this build of the engine leaves out");
    }
    const eq_status status = eq_conv_read(plan, op, &window, &activation);
    return status == EQ_OK ? plan_layer(plan, op, &window, activation) : status;
}

EQ_OPERATOR(CONV_2D, eq_prepare_conv_s8, INT8);
EQ_OPERATOR_KERNEL(gemm, CONV_2D);
EQ_OPERATOR_NOTE(CONV_2D, "any stride, dilation, padding, groups; constant weights");
