/* CONV_3D_TRANSPOSE: output shape, weights (kernel depth, kernel height, kernel width, columns, channels), input (batch, depth, height,
 * width, channels), bias (columns).
 *
 * Output pixels at the same place in the stride see the same taps, so that each place is a convolution of its own (transpose_conv.h has
 * the same of images). */
#include "ops/arguments.h"
#include "plan/operator.h"
#include "product_3d.h"

enum { OUTPUT_SHAPE, WEIGHTS, INPUT, BIAS };
enum { RANK = 5, COLUMNS = 3, CHANNELS = 4 };
enum { MOST_PLACES = 4096 };

/* Of an axis: the pixels of the output whose sum with the padding `before` is `residue` modulo the stride. */
static eq_axis_3d place(int32_t residue, int32_t out_size, int32_t before, int32_t stride, int32_t taps) {
    const int32_t out = (residue - before % stride + stride) % stride;
    return (eq_axis_3d){.count = out < out_size ? (out_size - out + stride - 1) / stride : 0,
                        .out = out,
                        .out_step = stride,
                        .in = (out + before) / stride,
                        .in_step = 1,
                        .tap_step = -1,
                        .taps = residue < taps ? (taps - residue + stride - 1) / stride : 0,
                        .tap = residue,
                        .weight_step = stride};
}

/* Padding before the output along an axis, by LiteRT's reckoning: that of the convolution from the output to the input. */
static int32_t padding_before(int32_t out, int32_t taps, int32_t stride, bool same) {
    const int64_t count = same ? ((int64_t)out + stride - 1) / stride : ((int64_t)out - taps) / stride + 1;
    const int64_t missing = (count - 1) * stride + taps - out;
    return missing > 0 ? (int32_t)(missing / 2) : 0;
}

static eq_status read_shape(eq_plan *plan, const eq_operator *op, int32_t *dims) {
    int32_t count = 0;
    eq_status status = eq_argument_ints(plan, op, OUTPUT_SHAPE, dims, RANK, &count);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, INPUT), *weights = eq_plan_input(plan, op, WEIGHTS);
    if (count != RANK || in->rank != RANK || weights->rank != RANK || in->dims[CHANNELS] != weights->dims[CHANNELS] ||
        dims[0] != in->dims[0] || dims[CHANNELS] != weights->dims[COLUMNS]) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "output shape, weights and input must have five dimensions that fit");
    }
    return eq_plan_shape(plan, op, 0, RANK, dims);
}

eq_status eq_prepare_conv_3d_transpose(eq_plan *plan, const eq_operator *op) {
    eq_options_3d options;
    int32_t dims[RANK];
    eq_status status = eq_plan_arity(plan, op, 3, 4, 1u << BIAS, 1);
    if (status != EQ_OK || (status = eq_options_3d_read(plan, op, &options)) != EQ_OK ||
        (status = read_shape(plan, op, dims)) != EQ_OK) {
        return status;
    }
    const eq_tensor *weights = eq_plan_input(plan, op, WEIGHTS);
    const int32_t *stride = options.stride;
    if ((int64_t)stride[0] * stride[1] > MOST_PLACES || (int64_t)stride[0] * stride[1] * stride[2] > MOST_PLACES ||
        stride[2] > MOST_PLACES || options.dilation[0] != 1 || options.dilation[1] != 1 || options.dilation[2] != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its strides are too large, or it has dilations");
    }
    const int32_t places = stride[0] * stride[1] * stride[2];
    eq_part_3d *parts = eq_plan_take(plan, (size_t)places * sizeof *parts);
    if (!parts) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < places; ++i) {
        const int32_t residues[EQ_AXES_3D] = {i / stride[2] / stride[1], i / stride[2] % stride[1], i % stride[2]};
        for (int32_t axis = 0; axis < EQ_AXES_3D; ++axis) {
            const int32_t before = padding_before(dims[1 + axis], weights->dims[axis], stride[axis], options.same);
            parts[i].axes[axis] = place(residues[axis], dims[1 + axis], before, stride[axis], weights->dims[axis]);
        }
    }
    const eq_product_3d product = {.in_tensor = op->inputs[INPUT],
                                   .weights = op->inputs[WEIGHTS],
                                   .bias = op->input_count > BIAS ? op->inputs[BIAS] : -1,
                                   .out_tensor = op->outputs[0],
                                   .column_stride = weights->dims[CHANNELS],
                                   .channel_stride = 1,
                                   .min = options.min,
                                   .max = options.max,
                                   .part_count = places,
                                   .parts = parts};
    return eq_product_3d_plan(plan, op, &product);
}

EQ_OPERATOR(CONV_3D_TRANSPOSE, eq_prepare_conv_3d_transpose, ANY, FLOAT32, FLOAT32);
EQ_OPERATOR_KERNEL(gemm_f32, CONV_3D_TRANSPOSE);
EQ_OPERATOR_NOTE(CONV_3D_TRANSPOSE, "constant output shape, no dilations");
