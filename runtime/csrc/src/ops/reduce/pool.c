/* MAX_POOL_2D and AVERAGE_POOL_2D of int8 images (batch, height, width, channels). Padding counts for nothing: windows are cut
 * at the image's edges. */
#include <math.h>
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "ops/arguments.h"
#include "plan/operator.h"
#include "ops/quantization.h"
#include "ops/window.h"

typedef struct eq_pool {
    const eq_kernels *kernels;
    eq_window window;
    int32_t height, width, channels; /* of the input */
    int32_t shift, min, max;         /* of an average */
    bool clamps;
    int8_t clamped[256]; /* table of a maximum's activation */
} eq_pool;

typedef struct range { /* of pixels */
    int32_t first, count;
} range;

/* What is left of `taps` pixels from `first` on, in `size` of them. */
static range inside(int32_t first, int32_t taps, int32_t size) {
    const int32_t begin = first > 0 ? first : 0, end = first + taps < size ? first + taps : size;
    return (range){.first = begin, .count = end - begin};
}

static range columns(const eq_pool *pool, int32_t x) {
    return inside(x * pool->window.stride_x - pool->window.pad.left, pool->window.width, pool->width);
}

/* Start of an output row, and the rows of the input that it is made of. */
static int8_t *place_row(const eq_pool *pool, const eq_storage *in, const eq_storage *out, int32_t unit, const int8_t **from,
                         range *rows) {
    const int32_t image = unit / pool->window.out_height, y = unit % pool->window.out_height;
    *rows = inside(y * pool->window.stride_y - pool->window.pad.top, pool->window.height, pool->height);
    *from = (const int8_t *)in->data + image * in->image_stride + rows->first * in->row_stride;
    return (int8_t *)out->data + image * out->image_stride + y * out->row_stride;
}

/* First the largest of each column, then of neighbouring columns. */
static void run_max(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_pool *pool = step->data;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    const int32_t channels = pool->channels;
    int8_t *const tallest = scratch; /* (width, channels) */
    for (int32_t unit = first; unit < last; ++unit) {
        const int8_t *from;
        range rows;
        int8_t *const to = place_row(pool, in, out, unit, &from, &rows);
        if (rows.count > 1) {
            memcpy(tallest, from, (size_t)(pool->width * channels));
            pool->kernels->max_rows(from + in->row_stride, in->row_stride, rows.count - 1, pool->width * channels, tallest);
            from = tallest;
        }
        for (int32_t x = 0; x < pool->window.out_width; ++x) {
            const range c = columns(pool, x);
            const int8_t *pixel = from + c.first * channels;
            memcpy(to + x * channels, pixel, (size_t)channels);
            if (c.count > 1) {
                pool->kernels->max_rows(pixel + channels, channels, c.count - 1, channels, to + x * channels);
            }
        }
        if (pool->clamps) {
            pool->kernels->lookup(pool->clamped, to, to, (size_t)(pool->window.out_width * channels));
        }
    }
}

static void run_average(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_pool *pool = step->data;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    const int32_t channels = pool->channels;
    int32_t *const sums = scratch; /* (channels) */
    for (int32_t unit = first; unit < last; ++unit) {
        const int8_t *from;
        range rows;
        int8_t *const to = place_row(pool, in, out, unit, &from, &rows);
        for (int32_t x = 0; x < pool->window.out_width; ++x) {
            const range c = columns(pool, x);
            const int32_t count = rows.count * c.count;
            const bool adjacent = in->row_stride == (ptrdiff_t)c.count * channels; /* all pixels of all rows */
            for (int32_t i = 0; i < channels; ++i) {
                sums[i] = pool->shift * count;
            }
            for (int32_t y = 0; y < (adjacent ? 1 : rows.count); ++y) {
                pool->kernels->sum_rows(from + y * in->row_stride + c.first * channels, channels, adjacent ? count : c.count,
                                        channels, sums);
            }
            pool->kernels->average(sums, count, pool->shift, pool->min, pool->max, to + x * channels, (size_t)channels);
        }
    }
}

/* ---- the operators ---- */

/* Options and shapes that both have. */
static eq_status prepare(eq_plan *plan, const eq_operator *op, eq_run_fn run, eq_step **made) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_check_int8(plan, op, eq_plan_input(plan, op, 0), "its input")) != EQ_OK ||
        (status = eq_check_int8(plan, op, eq_plan_output(plan, op, 0), "its output")) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->rank != 4) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its input has %d dimensions, not 4", (int)in->rank);
    }
    static const eq_window_fields fields = {.padding = 0, .stride_x = 1, .stride_y = 2, .dilation_x = -1, .dilation_y = -1};
    const int32_t width = eq_option_int(op, 3, 0), height = eq_option_int(op, 4, 0);
    eq_window window;
    if ((status = eq_window_read(plan, op, &fields, in->dims[1], in->dims[2], height, width, &window)) != EQ_OK) {
        return status;
    }
    const int32_t dims[4] = {in->dims[0], window.out_height, window.out_width, in->dims[3]};
    if ((status = eq_plan_shape(plan, op, 0, 4, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof(eq_pool), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_pool *pool = step->data;
    pool->kernels = plan->kernels;
    pool->window = window;
    pool->height = in->dims[1];
    pool->width = in->dims[2];
    pool->channels = in->dims[3];
    step->inputs[0] = (eq_use){.tensor = op->inputs[0], .rows = true};
    step->outputs[0] = (eq_use){.tensor = op->outputs[0], .rows = true};
    step->units = dims[0] * dims[1];
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) * (uint64_t)(height < 256 ? height : 256) *
                 (uint64_t)(width < 256 ? width : 256) / 4;
    *made = step;
    return EQ_OK;
}

eq_status eq_prepare_max_pool_2d(eq_plan *plan, const eq_operator *op) {
    eq_step *step = NULL;
    int32_t min = 0, max = 0;
    eq_status status = prepare(plan, op, run_max, &step);
    if (status != EQ_OK || (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_activation_range(plan, op, eq_option_byte(op, 5, 0), eq_plan_output(plan, op, 0), &min, &max)) != EQ_OK) {
        return status;
    }
    eq_pool *pool = step->data;
    pool->clamps = min > -128 || max < 127;
    for (int32_t value = -128; value < 128; ++value) {
        pool->clamped[value + 128] = (int8_t)eq_clamp(value, min, max);
    }
    step->scratch = (size_t)pool->width * (size_t)pool->channels + EQ_SLACK;
    return EQ_OK;
}

/* LiteRT's CalculateActivationRangeQuantized. */
static int32_t quantize_bound(float bound, const eq_tensor *tensor) {
    const float x = roundf(bound / tensor->scales[0]);
    return eq_clamp(tensor->zero_points[0] + (int32_t)fminf(fmaxf(x, -1024.0f), 1024.0f), -128, 127);
}

eq_status eq_prepare_average_pool_2d(eq_plan *plan, const eq_operator *op) {
    eq_step *step = NULL;
    float min = 0, max = 0;
    eq_status status = prepare(plan, op, run_average, &step);
    if (status != EQ_OK || (status = eq_activation_range_float(plan, op, eq_option_byte(op, 5, 0), &min, &max)) != EQ_OK) {
        return status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    eq_pool *pool = step->data;
    if ((int64_t)pool->height * pool->width > 1 << 22) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its image has more than 2^22 pixels");
    }
    pool->shift = out->file_type == EQ_UINT8 ? 128 : 0;
    pool->min = quantize_bound(min, out);
    pool->max = quantize_bound(max, out);
    step->scratch = ((size_t)pool->channels + EQ_SLACK) * sizeof(int32_t);
    return EQ_OK;
}

EQ_OPERATOR(AVERAGE_POOL_2D, eq_prepare_average_pool_2d, ANY);
EQ_OPERATOR(MAX_POOL_2D, eq_prepare_max_pool_2d, ANY);
EQ_OPERATOR_KERNEL(sum_rows, AVERAGE_POOL_2D);
EQ_OPERATOR_KERNEL(max_rows, MAX_POOL_2D);
EQ_OPERATOR_NOTE(AVERAGE_POOL_2D, "images up to 2^22 pixels");
