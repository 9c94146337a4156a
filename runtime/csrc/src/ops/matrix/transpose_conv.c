/* TRANSPOSE_CONV: output shape, weights (columns, kernel height, kernel width, channels), input (batch, height, width,
 * channels), bias (columns).
 *
 * Output pixels at the same place relative to the stride see the same taps: for each such place there is an ordinary
 * convolution of stride 1, with those taps in reverse order, that writes every stride-th pixel. */
#include "transpose_conv.h"

#include "ops/arguments.h"
#include "gemm_driver.h"
#include "plan/operator.h"

enum { SAME = 0, VALID = 1 };
enum { PADDING = 0, STRIDE_X = 1, STRIDE_Y = 2, ACTIVATION = 3 }; /* fields of the options */
enum { OUTPUT_SHAPE = 0, WEIGHTS = 1, INPUT = 2, BIAS = 3 };      /* inputs */
enum { MOST_PLACES = 4096 };

/* One direction of one of those convolutions. */
typedef struct line {
    int32_t first_tap, taps; /* of the kernel: first_tap, first_tap + stride, ... */
    int32_t in;              /* first pixel of the first window */
    int32_t out, count;      /* first output pixel; how many, `stride` apart */
} line;

/* Of the output pixels whose place in the stride is `residue`; numbered so, the weights do not depend on the image's size. */
static line find_line(int32_t residue, int32_t out_size, int32_t before, int32_t stride, int32_t taps) {
    const int32_t out = (residue - before % stride + stride) % stride, quotient = (out + before) / stride;
    const int32_t found = residue < taps ? (taps - residue + stride - 1) / stride : 0;
    return (line){
        .first_tap = residue,
        .taps = found,
        .in = quotient - (found > 0 ? found - 1 : 0),
        .out = out,
        .count = out < out_size ? (out_size - out + stride - 1) / stride : 0,
    };
}

static eq_weight_view reversed_taps(const eq_tensor *weights, const eq_transpose_conv *conv, const line *y, const line *x) {
    const ptrdiff_t tap = weights->dims[3], row = tap * weights->dims[2];
    eq_weight_view view = {.columns = weights->dims[0], .height = 1, .width = 1, .channels = weights->dims[3]};
    if (y->taps > 0 && x->taps > 0) {
        const ptrdiff_t last_y = y->first_tap + (ptrdiff_t)(y->taps - 1) * conv->stride_y;
        const ptrdiff_t last_x = x->first_tap + (ptrdiff_t)(x->taps - 1) * conv->stride_x;
        view.data = (const int8_t *)weights->data + last_y * row + last_x * tap;
        view.height = y->taps;
        view.width = x->taps;
    }
    view.column_stride = row * weights->dims[1];
    view.row_stride = -row * conv->stride_y;
    view.tap_stride = -tap * conv->stride_x;
    view.channel_stride = 1;
    return view;
}

static int32_t at_least(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static void reach(eq_halo *halo, const eq_gemm_part *part, const eq_tensor *input) {
    halo->top = at_least(halo->top, -part->in_y);
    halo->left = at_least(halo->left, -part->in_x);
    halo->bottom = at_least(halo->bottom, part->in_y + part->height + part->weights.height - 1 - input->dims[1]);
    halo->right = at_least(halo->right, part->in_x + part->width + part->weights.width - 1 - input->dims[2]);
}

static eq_status plan_regular(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv) {
    const eq_tensor *input = conv->input, *weights = conv->weights, *output = conv->output;
    eq_gemm_layer layer = {
        .geometry = {.rows = true,
                     .batch = input->dims[0],
                     .in_height = input->dims[1],
                     .in_width = input->dims[2],
                     .in_channels = input->dims[3],
                     .out_height = output->dims[1],
                     .out_width = output->dims[2],
                     .out_channels = output->dims[3],
                     .stride_y = 1,
                     .stride_x = 1,
                     .dilation_y = 1,
                     .dilation_x = 1,
                     .out_step_y = conv->stride_y,
                     .out_step_x = conv->stride_x},
        .quantized = conv->quantized,
        .weights = weights,
        .in_tensor = conv->in_tensor,
        .out_tensor = conv->out_tensor,
        .part_count = conv->stride_y * conv->stride_x,
        .parts = eq_plan_take(plan, (size_t)(conv->stride_y * conv->stride_x) * sizeof(eq_gemm_part)),
    };
    if (!layer.parts) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < layer.part_count; ++i) {
        const line y = find_line(i / conv->stride_x, output->dims[1], conv->top, conv->stride_y, weights->dims[1]);
        const line x = find_line(i % conv->stride_x, output->dims[2], conv->left, conv->stride_x, weights->dims[2]);
        layer.parts[i] = (eq_gemm_part){
            .weights = reversed_taps(weights, conv, &y, &x),
            .in_y = y.in,
            .in_x = x.in,
            .out_y = y.out,
            .out_x = x.out,
            .height = y.count,
            .width = x.count,
        };
        if (y.count > 0 && x.count > 0) {
            reach(&layer.halo, &layer.parts[i], input);
        }
    }
    return eq_gemm_layer_plan(plan, op, &layer);
}

/* ---- shapes ---- */

typedef struct direction {
    int32_t in, out, taps, stride, before;
    bool regular; /* the shapes fit each other, and XNNPACK takes them */
} direction;

static void place(direction *d, int32_t padding) {
    const int64_t steps = padding == SAME ? (d->out - 1) / d->stride : ((int64_t)d->out - d->taps) / d->stride;
    const int64_t missing = padding == SAME ? steps * d->stride + d->taps - d->out : 0;
    d->before = missing > 0 ? (int32_t)(missing / 2) : 0;
    d->regular = steps + 1 == d->in && (padding == SAME ? d->taps >= d->stride : d->out >= d->taps);
}

static eq_status check_shapes(eq_plan *plan, const eq_operator *op, eq_transpose_conv *conv, int32_t *dims) {
    int32_t count = 0;
    conv->weights = eq_plan_input(plan, op, WEIGHTS);
    conv->input = eq_plan_input(plan, op, INPUT);
    conv->output = eq_plan_output(plan, op, 0);
    eq_status status = eq_argument_ints(plan, op, OUTPUT_SHAPE, dims, 4, &count);
    if (status != EQ_OK) {
        return status;
    }
    if (count != 4 || conv->weights->rank != 4 || conv->input->rank != 4) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input, weights and output must have four dimensions");
    }
    if (dims[0] != conv->input->dims[0] || dims[3] != conv->weights->dims[0] ||
        conv->weights->dims[3] != conv->input->dims[3]) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the shapes of input, weights and output do not fit each other");
    }
    return eq_plan_shape(plan, op, 0, 4, dims);
}

static eq_status place_both(eq_plan *plan, const eq_operator *op, eq_transpose_conv *conv, bool *regular) {
    const int32_t padding = eq_option_byte(op, PADDING, SAME);
    direction y = {conv->input->dims[1], conv->output->dims[1], conv->weights->dims[1], .stride = 1};
    direction x = {conv->input->dims[2], conv->output->dims[2], conv->weights->dims[2], .stride = 1};
    y.stride = eq_option_int(op, STRIDE_Y, 0);
    x.stride = eq_option_int(op, STRIDE_X, 0);
    if ((padding != SAME && padding != VALID) || y.stride < 1 || x.stride < 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "padding or strides do not exist");
    }
    if ((int64_t)y.stride * x.stride > MOST_PLACES) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "strides of %d x %d are too large", (int)y.stride, (int)x.stride);
    }
    place(&y, padding);
    place(&x, padding);
    conv->stride_y = y.stride;
    conv->stride_x = x.stride;
    conv->top = y.before;
    conv->left = x.before;
    *regular = y.regular && x.regular;
    return EQ_OK;
}

eq_status eq_prepare_transpose_conv(eq_plan *plan, const eq_operator *op) {
    eq_transpose_conv conv = {0};
    int32_t dims[EQ_MAX_RANK] = {0};
    bool regular = false;
    eq_status status = eq_plan_arity(plan, op, 3, 4, 1u << BIAS, 1);
    if (status == EQ_OK) {
        status = check_shapes(plan, op, &conv, dims);
    }
    if (status == EQ_OK) {
        status = place_both(plan, op, &conv, &regular);
    }
    if (status == EQ_OK) {
        status = eq_quantized_layer_read(plan, op, conv.input, conv.weights, eq_plan_input(plan, op, BIAS), conv.output, 0,
                                         dims[3], eq_option_byte(op, ACTIVATION, 0), &conv.quantized);
    }
    if (status != EQ_OK) {
        return status;
    }
    conv.in_tensor = op->inputs[INPUT];
    conv.out_tensor = op->outputs[0];
    return regular ? plan_regular(plan, op, &conv) : eq_transpose_conv_irregular_plan(plan, op, &conv);
}

EQ_OPERATOR(TRANSPOSE_CONV, eq_prepare_transpose_conv, ANY);
EQ_OPERATOR_KERNEL(gemm, TRANSPOSE_CONV);
EQ_OPERATOR_NOTE(TRANSPOSE_CONV, "any stride and padding; constant weights");
