/* TRANSPOSE_CONV: output shape, weights (columns, kernel height, kernel width, channels), input (batch, height, width,
 * channels), bias (columns). */
#include "transpose_conv.h"

#include "ops/arguments.h"
#include "plan/operator.h"

enum { SAME = 0, VALID = 1 };
enum { PADDING = 0, STRIDE_X = 1, STRIDE_Y = 2, ACTIVATION = 3 }; /* fields of the options */
enum { OUTPUT_SHAPE = 0, WEIGHTS = 1, INPUT = 2, BIAS = 3 };      /* inputs */
enum { MOST_PLACES = 4096 };

/* ---- places of the stride ---- */

typedef struct line {        /* one direction of a part */
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

eq_transpose_part eq_transpose_conv_part(const eq_transpose_conv *conv, int32_t place) {
    const int32_t *out = conv->output->dims, *w = conv->weights->dims;
    const line y = find_line(place / conv->stride_x, out[1], conv->top, conv->stride_y, w[1]);
    const line x = find_line(place % conv->stride_x, out[2], conv->left, conv->stride_x, w[2]);
    const ptrdiff_t tap = w[3], row = tap * w[2];
    eq_transpose_part part = {
        .taps_y = y.taps,
        .taps_x = x.taps,
        .row_stride = -row * conv->stride_y,
        .tap_stride = -tap * conv->stride_x,
        .in_y = y.in,
        .in_x = x.in,
        .out_y = y.out,
        .out_x = x.out,
        .out_height = y.count,
        .out_width = x.count,
    };
    if (y.taps > 0 && x.taps > 0) {
        part.first = (y.first_tap + (ptrdiff_t)(y.taps - 1) * conv->stride_y) * row +
                     (x.first_tap + (ptrdiff_t)(x.taps - 1) * conv->stride_x) * tap;
    }
    return part;
}

eq_gemm_geometry eq_transpose_conv_geometry(const eq_transpose_conv *conv) {
    const int32_t *in = conv->input->dims, *out = conv->output->dims;
    return (eq_gemm_geometry){.rows = true,
                              .batch = in[0],
                              .in_height = in[1],
                              .in_width = in[2],
                              .in_channels = in[3],
                              .out_height = out[1],
                              .out_width = out[2],
                              .out_channels = out[3],
                              .stride_y = 1,
                              .stride_x = 1,
                              .dilation_y = 1,
                              .dilation_x = 1,
                              .out_step_y = conv->stride_y,
                              .out_step_x = conv->stride_x};
}

static int32_t at_least(int32_t size, int64_t reach) {
    return reach <= size ? size : reach < INT32_MAX ? (int32_t)reach : INT32_MAX;
}

void eq_transpose_part_reach(const eq_transpose_part *part, const eq_tensor *input, eq_halo *halo) {
    if (part->out_height > 0 && part->out_width > 0) {
        halo->top = at_least(halo->top, -(int64_t)part->in_y);
        halo->left = at_least(halo->left, -(int64_t)part->in_x);
        halo->bottom = at_least(halo->bottom, (int64_t)part->in_y + part->out_height + part->taps_y - 1 - input->dims[1]);
        halo->right = at_least(halo->right, (int64_t)part->in_x + part->out_width + part->taps_x - 1 - input->dims[2]);
    }
}

/* ---- shapes ---- */

typedef struct direction {
    int32_t in, out, taps, stride, before;
    bool regular;
} direction;

static void place(direction *d, int32_t padding) {
    const int64_t steps = padding == SAME ? (d->out - 1) / d->stride : ((int64_t)d->out - d->taps) / d->stride;
    const int64_t missing = padding == SAME ? steps * d->stride + d->taps - d->out : 0;
    d->before = missing > 0 ? (int32_t)(missing / 2) : 0;
    d->regular = steps + 1 == d->in && (padding == SAME ? d->taps >= d->stride : d->out >= d->taps);
}

eq_status eq_transpose_conv_place(eq_plan *plan, const eq_operator *op, int32_t padding, eq_transpose_conv *conv) {
    const int32_t *in = conv->input->dims, *out = conv->output->dims, *w = conv->weights->dims;
    if ((padding != SAME && padding != VALID) || conv->stride_y < 1 || conv->stride_x < 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "padding or strides do not exist");
    }
    if ((int64_t)conv->stride_y * conv->stride_x > MOST_PLACES) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "strides of %d x %d are too large", (int)conv->stride_y,
                            (int)conv->stride_x);
    }
    direction y = {in[1], out[1], w[1], .stride = conv->stride_y}, x = {in[2], out[2], w[2], .stride = conv->stride_x};
    place(&y, padding);
    place(&x, padding);
    conv->top = y.before;
    conv->left = x.before;
    conv->regular = y.regular && x.regular;
    return EQ_OK;
}

static eq_status check_shapes(eq_plan *plan, const eq_operator *op, eq_transpose_conv *conv) {
    int32_t count = 0, dims[EQ_MAX_RANK] = {0};
    const eq_status status = eq_argument_ints(plan, op, OUTPUT_SHAPE, dims, 4, &count);
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

eq_status eq_transpose_conv_read(eq_plan *plan, const eq_operator *op, eq_transpose_conv *conv, int32_t *activation) {
    eq_status status = eq_plan_arity(plan, op, 3, 4, 1u << BIAS, 1);
    if (status != EQ_OK) {
        return status;
    }
    *conv = (eq_transpose_conv){
        .input = eq_plan_input(plan, op, INPUT),
        .weights = eq_plan_input(plan, op, WEIGHTS),
        .output = eq_plan_output(plan, op, 0),
        .in_tensor = op->inputs[INPUT],
        .weights_tensor = op->inputs[WEIGHTS],
        .bias_tensor = op->input_count > BIAS ? op->inputs[BIAS] : -1,
        .out_tensor = op->outputs[0],
        .stride_y = eq_option_int(op, STRIDE_Y, 0),
        .stride_x = eq_option_int(op, STRIDE_X, 0),
    };
    *activation = eq_option_byte(op, ACTIVATION, 0);
    status = check_shapes(plan, op, conv);
    return status == EQ_OK ? eq_transpose_conv_place(plan, op, eq_option_byte(op, PADDING, SAME), conv) : status;
}

EQ_OPERATOR_NOTE(TRANSPOSE_CONV, "any stride and padding; quantized weights must be constant");
