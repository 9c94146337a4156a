/* TRANSPOSE_CONV of int16 with int8 weights. */
#include "plan/operator.h"
#include "product_s16.h"
#include "transpose_conv_phases.h"

eq_status eq_prepare_transpose_conv_s16(eq_plan *plan, const eq_operator *op) {
    eq_transpose_conv conv;
    eq_transpose_phases phases;
    int32_t activation;
    eq_status status = eq_transpose_conv_read(plan, op, &conv, &activation);
    const eq_tensor *bias = status == EQ_OK ? eq_plan_input(plan, op, 3) : NULL;
    if (bias && bias->type != EQ_INT64) { /* LiteRT reads another as if it were int64 */
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the bias must be int64 here");
    }
    if (status == EQ_OK) {
        status = eq_transpose_phases_make(plan, op, &conv, &phases);
    }
    if (status != EQ_OK) {
        return status;
    }
    const int32_t *in = conv.input->dims;
    const eq_product_s16 product = {
        .window = phases.window,
        .batch = in[0],
        .in_height = in[1],
        .in_width = in[2],
        .in_channels = in[3],
        .out_channels = phases.columns,
        .group_channels = in[3],
        .group_columns = phases.columns,
        .weight_column = (ptrdiff_t)phases.window.height * phases.window.width * in[3],
        .weight_tap = in[3],
        .weight_channel = 1,
        .in_tensor = conv.in_tensor,
        .out_tensor = phases.made,
        .weights = &phases.weights,
        .bias = phases.bias.data ? &phases.bias : NULL,
        .activation = activation,
    };
    status = eq_product_s16_plan(plan, op, &product);
    return status == EQ_OK ? eq_transpose_phases_move(plan, op, &conv, &phases) : status;
}

EQ_OPERATOR(TRANSPOSE_CONV, eq_prepare_transpose_conv_s16, ANY, INT8, INT16);
