#include "pool.h"

#include "ops/arguments.h"
#include "ops/quantization.h"

enum { WIDTH = 3, HEIGHT = 4, ACTIVATION = 5 }; /* fields of the options */

static const eq_window_fields fields = {.padding = 0, .stride_x = 1, .stride_y = 2, .dilation_x = -1, .dilation_y = -1};

/* What is left of `taps` pixels from `first` on, in `size` of them. */
static eq_pool_range inside(int32_t first, int32_t taps, int32_t size) {
    const int32_t begin = first > 0 ? first : 0, end = first + taps < size ? first + taps : size;
    return (eq_pool_range){.first = begin, .count = end - begin};
}

eq_pool_range eq_pool_columns(const eq_pool_shape *shape, int32_t x) {
    return inside(x * shape->window.stride_x - shape->window.pad.left, shape->window.width, shape->width);
}

void *eq_pool_row(const eq_pool_shape *shape, const eq_storage *in, const eq_storage *out, int32_t unit, const void **from,
                  eq_pool_range *rows) {
    const int32_t image = unit / shape->window.out_height, y = unit % shape->window.out_height;
    *rows = inside(y * shape->window.stride_y - shape->window.pad.top, shape->window.height, shape->height);
    *from = (const uint8_t *)in->data + image * in->image_stride + rows->first * in->row_stride;
    return (uint8_t *)out->data + image * out->image_stride + y * out->row_stride;
}

eq_status eq_pool_read(eq_plan *plan, const eq_operator *op, eq_pool_shape *shape, int32_t *activation) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->rank != 4) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its input has %d dimensions, not 4", (int)in->rank);
    }
    const int32_t width = eq_option_int(op, WIDTH, 0), height = eq_option_int(op, HEIGHT, 0);
    *shape = (eq_pool_shape){.height = in->dims[1], .width = in->dims[2], .channels = in->dims[3]};
    *activation = eq_option_byte(op, ACTIVATION, 0);
    status = eq_window_read(plan, op, &fields, in->dims[1], in->dims[2], height, width, &shape->window);
    if (status != EQ_OK) {
        return status;
    }
    const int32_t dims[4] = {in->dims[0], shape->window.out_height, shape->window.out_width, in->dims[3]};
    return eq_plan_shape(plan, op, 0, 4, dims);
}

eq_status eq_pool_read_f32(eq_plan *plan, const eq_operator *op, eq_pool_shape *shape, float *min, float *max) {
    int32_t activation;
    const eq_status status = eq_pool_read(plan, op, shape, &activation);
    return status != EQ_OK ? status : eq_activation_range_float(plan, op, activation, min, max);
}

eq_step *eq_pool_step(eq_plan *plan, const eq_operator *op, const eq_pool_shape *shape, eq_run_fn run, size_t data_bytes) {
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    const int32_t height = shape->window.height, width = shape->window.width;
    eq_step *step = eq_plan_step(plan, op, run, data_bytes, 1, 1);
    if (step) {
        step->inputs[0] = (eq_use){.tensor = op->inputs[0], .rows = true};
        step->outputs[0] = (eq_use){.tensor = op->outputs[0], .rows = true};
        step->units = out->dims[0] * out->dims[1];
        step->cost = (uint64_t)eq_tensor_elements(out) * (uint64_t)(height < shape->height ? height : shape->height) *
                     (uint64_t)(width < shape->width ? width : shape->width) / 4;
        step->floats = out->type != EQ_INT8;
    }
    return step;
}
