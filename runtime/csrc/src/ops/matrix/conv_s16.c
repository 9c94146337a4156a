/* CONV_2D and DEPTHWISE_CONV_2D of int16 with int8 weights. */
#include "plan/operator.h"
#include "product_s16.h"

/* What a window's shape says; the rest is the operator's. */
static eq_product_s16 windowed(const eq_plan *plan, const eq_operator *op, const eq_window *window, int32_t activation) {
    const eq_tensor *input = eq_plan_input(plan, op, 0);
    return (eq_product_s16){
        .window = *window,
        .batch = input->dims[0],
        .in_height = input->dims[1],
        .in_width = input->dims[2],
        .in_channels = input->dims[3],
        .out_channels = eq_plan_output(plan, op, 0)->dims[3],
        .in_tensor = op->inputs[0],
        .out_tensor = op->outputs[0],
        .weights = eq_plan_input(plan, op, 1),
        .bias = eq_plan_input(plan, op, 2),
        .activation = activation,
    };
}

eq_status eq_conv_read_s16(eq_plan *plan, const eq_operator *op, eq_product_s16 *product) {
    eq_window window;
    int32_t activation;
    const eq_status status = eq_conv_read(plan, op, &window, &activation);
    if (status != EQ_OK) {
        return status;
    }
    *product = windowed(plan, op, &window, activation);
    product->group_channels = product->weights->dims[3];
    product->group_columns = product->out_channels / (product->in_channels / product->group_channels);
    product->weight_column = (ptrdiff_t)window.height * window.width * product->group_channels;
    product->weight_tap = product->group_channels;
    product->weight_channel = 1;
    return EQ_OK;
}

eq_status eq_depthwise_read_s16(eq_plan *plan, const eq_operator *op, eq_product_s16 *product) {
    eq_window window;
    int32_t activation;
    const eq_status status = eq_depthwise_read(plan, op, &window, &activation);
    if (status != EQ_OK) {
        return status;
    }
    *product = windowed(plan, op, &window, activation);
    product->group_channels = 1;
    product->group_columns = product->out_channels / product->in_channels;
    product->weight_column = 1;
    product->weight_tap = product->out_channels;
    product->channel_axis = 3;
    return EQ_OK;
}

eq_status eq_prepare_conv_s16(eq_plan *plan, const eq_operator *op) {
    eq_product_s16 product;
    const eq_status status = eq_conv_read_s16(plan, op, &product);
    if (status != EQ_OK) {
        return status;
    }
    if (product.bias && product.bias->type == EQ_INT32) { /* ruy's matrix product, or the reference kernel */
        product.rounding = product.group_channels == product.in_channels ? EQ_TWICE_TIES_UP : EQ_TWICE_TIES_OUT;
    }
    return eq_product_s16_plan(plan, op, &product);
}

eq_status eq_prepare_depthwise_s16(eq_plan *plan, const eq_operator *op) {
    eq_product_s16 product;
    const eq_status status = eq_depthwise_read_s16(plan, op, &product);
    if (status != EQ_OK) {
        return status;
    }
    if (product.weights->file_type == EQ_INT4) { /* LiteRT does not unpack them here */
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the weights must not be int4 where the input is int16");
    }
    if (product.bias && product.bias->type != EQ_INT64) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the bias must be int64 here");
    }
    return eq_product_s16_plan(plan, op, &product);
}

EQ_OPERATOR(CONV_2D, eq_prepare_conv_s16, INT16, INT8);
EQ_OPERATOR(DEPTHWISE_CONV_2D, eq_prepare_depthwise_s16, INT16, INT8);
