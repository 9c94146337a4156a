/* TRANSPOSE_CONV of floats. */
#include "ops/quantization.h"
#include "plan/operator.h"
#include "product_f32.h"
#include "transpose_conv.h"

static void set_part(const eq_transpose_conv *conv, int32_t place, eq_product_f32 *product) {
    const eq_transpose_part part = eq_transpose_conv_part(conv, place);
    const int32_t *w = conv->weights->dims;
    const bool bias_only = part.taps_y == 0 || part.taps_x == 0;
    product->matrices[place] = (eq_matrix_f32){.first = part.first,
                                               .columns = w[0],
                                               .height = bias_only ? 1 : part.taps_y,
                                               .width = bias_only ? 1 : part.taps_x,
                                               .channels = bias_only ? 0 : w[3],
                                               .column_stride = (ptrdiff_t)w[1] * w[2] * w[3],
                                               .row_stride = part.row_stride,
                                               .tap_stride = part.tap_stride,
                                               .channel_stride = 1};
    product->parts[place] = (eq_part_f32){.matrix = place,
                                          .in_y = part.in_y,
                                          .in_x = part.in_x,
                                          .out_y = part.out_y,
                                          .out_x = part.out_x,
                                          .height = part.out_height,
                                          .width = part.out_width};
    eq_transpose_part_reach(&part, conv->input, &product->halo);
}

eq_status eq_transpose_conv_plan_f32(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv, int32_t activation) {
    const eq_tensor *bias = conv->bias_tensor < 0 ? NULL : &plan->tensors[conv->bias_tensor].tensor;
    const int32_t places = eq_transpose_conv_places(conv);
    eq_product_f32 product = {
        .geometry = eq_transpose_conv_geometry(conv),
        .weights = conv->weights_tensor,
        .bias = conv->bias_tensor,
        .in_tensor = conv->in_tensor,
        .out_tensor = conv->out_tensor,
        .matrix_count = places,
        .part_count = places,
        .matrices = eq_plan_take(plan, (size_t)places * sizeof *product.matrices),
        .parts = eq_plan_take(plan, (size_t)places * sizeof *product.parts),
    };
    if (!product.matrices || !product.parts) {
        return (eq_status)plan->error->status;
    }
    eq_status status =
        eq_float_layer_read(plan, op, &plan->tensors[conv->in_tensor].tensor, activation, &product.min, &product.max);
    if (status == EQ_OK) {
        status = eq_float_weights_check(plan, op, conv->weights, bias, conv->weights->dims[0]);
    }
    if (status != EQ_OK) {
        return status;
    }
    for (int32_t i = 0; i < places; ++i) {
        set_part(conv, i, &product);
    }
    return eq_product_f32_plan(plan, op, &product);
}

eq_status eq_prepare_transpose_conv_f32(eq_plan *plan, const eq_operator *op) {
    eq_transpose_conv conv;
    int32_t activation;
    const eq_status status = eq_transpose_conv_read(plan, op, &conv, &activation);
    return status == EQ_OK ? eq_transpose_conv_plan_f32(plan, op, &conv, activation) : status;
}

EQ_OPERATOR(TRANSPOSE_CONV, eq_prepare_transpose_conv_f32, ANY, FLOAT32, FLOAT32);
EQ_OPERATOR(TRANSPOSE_CONV, eq_prepare_transpose_conv_f32, ANY, FLOAT16, FLOAT32);
EQ_OPERATOR(TRANSPOSE_CONV, eq_prepare_transpose_conv_f32, ANY, FLOAT32, FLOAT16);
EQ_OPERATOR(TRANSPOSE_CONV, eq_prepare_transpose_conv_f32, ANY, FLOAT16, FLOAT16);
EQ_OPERATOR_KERNEL(gemm_f32, TRANSPOSE_CONV);
