/* CONV_3D: input (batch, depth, height, width, channels), weights (kernel depth, kernel height, kernel width, channels, columns),
 * bias (columns). */
#include "plan/operator.h"
#include "product_3d.h"

enum { INPUT, WEIGHTS, BIAS };
enum { RANK = 5, CHANNELS = 4 };

/* Windows along an axis, as a convolution has them. */
static bool place(eq_axis_3d *axis, int32_t in, int32_t taps, int32_t stride, int32_t dilation, bool same) {
    const int64_t reach = ((int64_t)taps - 1) * dilation + 1, room = same ? in : in - reach + 1;
    const int64_t count = (room + stride - 1) / stride, missing = (count - 1) * stride + reach - in;
    if (room < 1 || reach > INT32_MAX / 2) {
        return false;
    }
    *axis = (eq_axis_3d){.count = (int32_t)count,
                         .out_step = 1,
                         .in = same && missing > 0 ? -(int32_t)(missing / 2) : 0,
                         .in_step = stride,
                         .tap_step = dilation,
                         .taps = taps,
                         .weight_step = 1};
    return true;
}

eq_status eq_prepare_conv_3d(eq_plan *plan, const eq_operator *op) {
    eq_options_3d options;
    eq_part_3d part;
    eq_status status = eq_plan_arity(plan, op, 2, 3, 1u << BIAS, 1);
    if (status != EQ_OK || (status = eq_options_3d_read(plan, op, &options)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, INPUT), *weights = eq_plan_input(plan, op, WEIGHTS);
    if (in->rank != RANK || weights->rank != RANK || in->dims[CHANNELS] != weights->dims[3]) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input and weights must have five dimensions, and the same channels");
    }
    int32_t dims[RANK] = {in->dims[0], 0, 0, 0, weights->dims[4]};
    for (int32_t i = 0; i < EQ_AXES_3D; ++i) {
        if (!place(&part.axes[i], in->dims[1 + i], weights->dims[i], options.stride[i], options.dilation[i], options.same)) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "a window of %d pixels does not fit a volume of %d",
                                (int)weights->dims[i], (int)in->dims[1 + i]);
        }
        dims[1 + i] = part.axes[i].count;
    }
    if ((status = eq_plan_shape(plan, op, 0, RANK, dims)) != EQ_OK) {
        return status;
    }
    const eq_product_3d product = {.in_tensor = op->inputs[INPUT],
                                   .weights = op->inputs[WEIGHTS],
                                   .bias = op->input_count > BIAS ? op->inputs[BIAS] : -1,
                                   .out_tensor = op->outputs[0],
                                   .column_stride = 1,
                                   .channel_stride = weights->dims[4],
                                   .min = options.min,
                                   .max = options.max,
                                   .part_count = 1,
                                   .parts = &part};
    return eq_product_3d_plan(plan, op, &product);
}

EQ_OPERATOR(CONV_3D, eq_prepare_conv_3d, FLOAT32, FLOAT32);
EQ_OPERATOR_KERNEL(gemm_f32, CONV_3D);
