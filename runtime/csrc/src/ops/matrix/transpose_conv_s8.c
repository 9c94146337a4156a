/* TRANSPOSE_CONV of int8. */
#include "plan/operator.h"
#include "transpose_conv.h"

static eq_gemm_part gemm_part(const eq_transpose_conv *conv, const eq_transpose_part *part) {
    const int32_t *w = conv->weights->dims;
    const bool bias_only = part->taps_y == 0 || part->taps_x == 0; /* a tap of zeros then */
    return (eq_gemm_part){
        .weights = {.data = bias_only ? NULL : (const int8_t *)conv->weights->data + part->first,
                    .columns = w[0],
                    .height = bias_only ? 1 : part->taps_y,
                    .width = bias_only ? 1 : part->taps_x,
                    .channels = w[3],
                    .column_stride = (ptrdiff_t)w[1] * w[2] * w[3],
                    .row_stride = part->row_stride,
                    .tap_stride = part->tap_stride,
                    .channel_stride = 1},
        .in_y = part->in_y,
        .in_x = part->in_x,
        .out_y = part->out_y,
        .out_x = part->out_x,
        .height = part->out_height,
        .width = part->out_width,
    };
}

static eq_status plan_regular(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv,
                              const eq_quantized_layer *quantized) {
    eq_gemm_layer layer = {
        .geometry = eq_transpose_conv_geometry(conv),
        .quantized = *quantized,
        .weights = conv->weights,
        .in_tensor = conv->in_tensor,
        .out_tensor = conv->out_tensor,
        .part_count = eq_transpose_conv_places(conv),
        .parts = eq_plan_take(plan, (size_t)eq_transpose_conv_places(conv) * sizeof(eq_gemm_part)),
    };
    if (!layer.parts) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < layer.part_count; ++i) {
        const eq_transpose_part part = eq_transpose_conv_part(conv, i);
        layer.parts[i] = gemm_part(conv, &part);
        eq_transpose_part_reach(&part, conv->input, &layer.halo);
    }
    return eq_gemm_layer_plan(plan, op, &layer);
}

eq_status eq_prepare_transpose_conv_s8(eq_plan *plan, const eq_operator *op) {
    eq_transpose_conv conv;
    eq_quantized_layer quantized;
    int32_t activation;
    eq_status status = eq_transpose_conv_read(plan, op, &conv, &activation);
    if (status == EQ_OK) {
        status = eq_quantized_layer_read(plan, op, conv.input, conv.weights, eq_plan_input(plan, op, 3), conv.output, 0,
                                         conv.weights->dims[0], activation, &quantized);
    }
    if (status != EQ_OK) {
        return status;
    }
    return conv.regular ? plan_regular(plan, op, &conv, &quantized)
                        : eq_transpose_conv_irregular_plan(plan, op, &conv, &quantized);
}

EQ_OPERATOR(TRANSPOSE_CONV, eq_prepare_transpose_conv_s8, ANY, INT8, INT8);
EQ_OPERATOR_KERNEL(gemm, TRANSPOSE_CONV);
