/* CONV_2D, FULLY_CONNECTED and BATCH_MATMUL of a float input with constant int8 weights. A convolution quantizes each image, the
 * others each vector, and so does a convolution of single pixels, of which LiteRT's delegate makes a fully connected layer. */
#include "base/memory.h"
#include "batch_matmul.h"
#include "layers.h"
#include "ops/quantization.h"
#include "plan/operator.h"
#include "product_dynamic.h"

static const eq_window pixel = {.height = 1, .width = 1, .stride_y = 1, .stride_x = 1, .dilation_y = 1, .dilation_x = 1};

static eq_status take_parts(eq_plan *plan, eq_product_dynamic *p, int32_t count) {
    p->part_count = count;
    p->parts = eq_plan_take(plan, eq_size_times((size_t)count, sizeof *p->parts));
    return p->parts ? EQ_OK : (eq_status)plan->error->status;
}

/* `rows` vectors of p->channels values each. */
static void set_rows(eq_product_dynamic *p, int32_t rows) {
    p->window = pixel;
    p->window.out_height = 1;
    p->window.out_width = rows;
    p->in_height = 1;
    p->in_width = rows;
    p->in_channels = p->channels;
    p->out_channels = p->columns;
    p->scale_for_pixels = true;
}

/* ---- convolution ---- */

static eq_status plan_conv(eq_plan *plan, const eq_operator *op, eq_product_dynamic *p) {
    const eq_tensor *input = eq_plan_input(plan, op, 0);
    const int32_t columns = p->weights->dims[0], channels = p->weights->dims[3], groups = input->dims[3] / channels;
    const int64_t pixels = (int64_t)input->dims[0] * p->window.out_height * p->window.out_width; /* no more than outputs */
    p->in_height = input->dims[1];
    p->in_width = input->dims[2];
    p->in_channels = input->dims[3];
    p->out_channels = columns;
    p->columns = columns / groups;
    p->channels = channels;
    p->column_stride = (ptrdiff_t)p->window.height * p->window.width * channels;
    p->weight_stride = 1;
    eq_status status = take_parts(plan, p, groups);
    for (int32_t g = 0; status == EQ_OK && g < groups; ++g) {
        p->parts[g] = (eq_dynamic_part){.first_weight = g * p->columns * p->column_stride,
                                        .first_column = g * p->columns,
                                        .in_channel = g * channels,
                                        .pixels = (int32_t)pixels};
    }
    const eq_window *w = &p->window;
    p->scale_for_pixels = groups == 1 && w->height == 1 && w->width == 1 && w->stride_y == 1 && w->stride_x == 1;
    if (status == EQ_OK) {
        status = p->scale_for_pixels
                     ? eq_dynamic_quantize(plan, op, op->inputs[0], (int32_t)pixels, EQ_DYNAMIC_XNNPACK, &p->input)
                     : eq_dynamic_quantize_images(plan, op, op->inputs[0], &w->pad, true, EQ_DYNAMIC_XNNPACK, &p->input);
    }
    return status == EQ_OK ? eq_product_dynamic_plan(plan, op, p) : status;
}

eq_status eq_prepare_conv_dynamic(eq_plan *plan, const eq_operator *op) {
    eq_product_dynamic p = {.out_tensor = op->outputs[0]};
    int32_t activation;
    eq_status status = eq_conv_read(plan, op, &p.window, &activation);
    if (status == EQ_OK) {
        p.weights = eq_plan_input(plan, op, 1);
        p.bias = eq_plan_input(plan, op, 2);
        status = eq_dynamic_weights_check(plan, op, p.weights, p.bias, 0, p.weights->dims[0]);
    }
    if (status == EQ_OK) {
        status = eq_activation_range_float(plan, op, activation, &p.min, &p.max);
    }
    return status == EQ_OK ? plan_conv(plan, op, &p) : status;
}

/* ---- fully connected ---- */

static eq_status plan_rows(eq_plan *plan, const eq_operator *op, eq_product_dynamic *p, int32_t rows) {
    p->columns = p->weights->dims[0];
    p->channels = p->weights->dims[1];
    p->column_stride = p->channels;
    p->weight_stride = 1;
    set_rows(p, rows);
    eq_status status = take_parts(plan, p, 1);
    if (status == EQ_OK) {
        *p->parts = (eq_dynamic_part){.pixels = rows};
        status = eq_dynamic_quantize(plan, op, op->inputs[0], rows, EQ_DYNAMIC_XNNPACK, &p->input);
    }
    return status == EQ_OK ? eq_product_dynamic_plan(plan, op, p) : status;
}

eq_status eq_prepare_fully_connected_dynamic(eq_plan *plan, const eq_operator *op) {
    eq_product_dynamic p = {.out_tensor = op->outputs[0]};
    int32_t rows, activation;
    eq_status status = eq_fully_connected_read(plan, op, &rows, &activation);
    if (status == EQ_OK) {
        p.weights = eq_plan_input(plan, op, 1);
        p.bias = eq_plan_input(plan, op, 2);
        status = eq_dynamic_weights_check(plan, op, p.weights, p.bias, 0, p.weights->dims[0]);
    }
    if (status == EQ_OK) {
        status = eq_activation_range_float(plan, op, activation, &p.min, &p.max);
    }
    return status == EQ_OK ? plan_rows(plan, op, &p, rows) : status;
}

/* ---- matrix product ---- */

static void fill_parts(const eq_matmul_shape *s, eq_product_dynamic *p) {
    for (int32_t i = 0; i < p->part_count; ++i) {
        ptrdiff_t y = 0;
        int32_t rest = i;
        for (int32_t axis = s->batch_rank - 1; axis >= 0; --axis) {
            y += rest % s->batch[axis] * s->y_batch[axis];
            rest /= s->batch[axis];
        }
        p->parts[i] = (eq_dynamic_part){.first_weight = y, .first_pixel = i * s->rows, .pixels = s->rows};
    }
}

/* The axis of y that counts columns. */
static int32_t column_axis(const eq_matmul_shape *s, const eq_tensor *y) {
    const bool is_last = s->y_column == 1 && y->dims[y->rank - 1] == s->columns;
    return y->rank - (is_last ? 1 : 2);
}

/* Whether each matrix of the output has one of x of its own, in order. */
static bool is_dense(const eq_matmul_shape *s) {
    for (int32_t axis = 0; axis < s->batch_rank; ++axis) {
        if (s->batch[axis] > 1 && s->x_batch[axis] == 0) {
            return false;
        }
    }
    return true;
}

eq_status eq_prepare_batch_matmul_dynamic(eq_plan *plan, const eq_operator *op) {
    eq_product_dynamic p = {.out_tensor = op->outputs[0]};
    eq_matmul_shape s;
    eq_status status = eq_matmul_read(plan, op, &s);
    if (status == EQ_OK) {
        p.weights = eq_plan_input(plan, op, 1);
        status = eq_dynamic_weights_check(plan, op, p.weights, NULL, column_axis(&s, p.weights), s.columns);
    }
    if (status == EQ_OK) {
        status = eq_activation_range_float(plan, op, EQ_ACTIVATION_NONE, &p.min, &p.max);
    }
    if (status == EQ_OK && !is_dense(&s)) {
        status = eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not repeat a float matrix for several of int8");
    }
    if (status != EQ_OK) {
        return status;
    }
    const int32_t input = s.x_depth == 1 ? op->inputs[0] : eq_matmul_transpose_x(plan, op, &s);
    const int32_t rows = (int32_t)(eq_tensor_elements(eq_plan_output(plan, op, 0)) / s.columns);
    if (input < 0) {
        return (eq_status)plan->error->status;
    }
    p.columns = s.columns;
    p.channels = s.depth;
    p.column_stride = s.y_column;
    p.weight_stride = s.y_depth;
    set_rows(&p, rows);
    status = take_parts(plan, &p, rows / s.rows);
    if (status == EQ_OK) {
        fill_parts(&s, &p);
        status = eq_dynamic_quantize(plan, op, input, rows, EQ_DYNAMIC_XNNPACK, &p.input);
    }
    return status == EQ_OK ? eq_product_dynamic_plan(plan, op, &p) : status;
}

EQ_OPERATOR(CONV_2D, eq_prepare_conv_dynamic, FLOAT32, INT8);
EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected_dynamic, FLOAT32, INT8);
EQ_OPERATOR(BATCH_MATMUL, eq_prepare_batch_matmul_dynamic, FLOAT32, INT8);
