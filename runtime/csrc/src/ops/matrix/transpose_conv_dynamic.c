/* TRANSPOSE_CONV of a float input with int8 weights: each image is quantized by its range, by XNNPACK's rule where that takes the
 * operator. */
#include "ops/quantization.h"
#include "plan/operator.h"
#include "product_dynamic.h"
#include "transpose_conv_phases.h"

static eq_status plan_layer(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv, float min, float max) {
    eq_transpose_phases phases;
    eq_status status = eq_transpose_phases_make(plan, op, conv, &phases);
    if (status != EQ_OK) {
        return status;
    }
    const int32_t *in = conv->input->dims;
    eq_product_dynamic product = {
        .window = phases.window,
        .in_height = in[1],
        .in_width = in[2],
        .in_channels = in[3],
        .out_channels = phases.columns,
        .columns = phases.columns,
        .channels = in[3],
        .column_stride = (ptrdiff_t)phases.window.height * phases.window.width * in[3],
        .weight_stride = 1,
        .weights = &phases.weights,
        .bias = phases.bias.data ? &phases.bias : NULL,
        .out_tensor = phases.made,
        .min = min,
        .max = max,
        .part_count = 1,
        .parts = eq_plan_take(plan, sizeof *product.parts),
    };
    if (!product.parts) {
        return (eq_status)plan->error->status;
    }
    product.parts->pixels = in[0] * phases.window.out_height * phases.window.out_width; /* no more than results */
    const eq_dynamic_rule rule = conv->regular ? EQ_DYNAMIC_XNNPACK : EQ_DYNAMIC_LITERT;
    status = eq_dynamic_quantize_images(plan, op, conv->in_tensor, &product.window.pad, false, rule, &product.input);
    if (status == EQ_OK) {
        status = eq_product_dynamic_plan(plan, op, &product);
    }
    return status == EQ_OK ? eq_transpose_phases_move(plan, op, conv, &phases) : status;
}

eq_status eq_prepare_transpose_conv_dynamic(eq_plan *plan, const eq_operator *op) {
    eq_transpose_conv conv;
    int32_t activation;
    float min, max;
    eq_status status = eq_transpose_conv_read(plan, op, &conv, &activation);
    if (status == EQ_OK) {
        status = eq_dynamic_weights_check(plan, op, conv.weights, eq_plan_input(plan, op, 3), 0, conv.weights->dims[0]);
    }
    if (status == EQ_OK) {
        status = eq_activation_range_float(plan, op, activation, &min, &max);
    }
    return status == EQ_OK ? plan_layer(plan, op, &conv, min, max) : status;
}

EQ_OPERATOR(TRANSPOSE_CONV, eq_prepare_transpose_conv_dynamic, ANY, INT8, FLOAT32);
