/* Pooling of int8. */
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "base/memory.h"
#include "ops/arguments.h"
#include "plan/operator.h"
#include "ops/quantization.h"
#include "pool.h"

typedef struct eq_pool {
    const eq_kernels *kernels;
    eq_pool_shape shape;
    int32_t shift, min, max; /* of an average */
    bool clamps;
    int8_t clamped[256]; /* table of a maximum's activation */
} eq_pool;

/* The largest of `count` (1 or more) runs of n values, `stride` apart. */
static void take_largest(const eq_kernels *kernels, const int8_t *in, ptrdiff_t stride, int32_t count, int32_t n, int8_t *out) {
    kernels->maximum(in, count > 1 ? in + stride : in, out, (size_t)n);
    if (count > 2) {
        kernels->max_rows(in + 2 * stride, stride, count - 2, n, out);
    }
}

/* First the largest of each column, then of neighbouring columns. */
static void run_max(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_pool *pool = step->data;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    const int32_t channels = pool->shape.channels;
    int8_t *const tallest = scratch; /* (width, channels) */
    for (int32_t unit = first; unit < last; ++unit) {
        const void *first_row;
        eq_pool_range rows;
        int8_t *const to = eq_pool_row(&pool->shape, in, out, unit, &first_row, &rows);
        const int8_t *from = first_row;
        if (rows.count > 1) {
            take_largest(pool->kernels, from, in->row_stride, rows.count, pool->shape.width * channels, tallest);
            from = tallest;
        }
        for (int32_t x = 0; x < pool->shape.window.out_width; ++x) {
            const eq_pool_range c = eq_pool_columns(&pool->shape, x);
            take_largest(pool->kernels, from + c.first * channels, channels, c.count, channels, to + x * channels);
        }
        if (pool->clamps) {
            pool->kernels->lookup(pool->clamped, to, to, (size_t)(pool->shape.window.out_width * channels));
        }
    }
}

/* The window's sum of each channel, shifted: of a large window, of which a row has few. */
static void sum_window(const eq_pool *pool, const int8_t *from, ptrdiff_t row_stride, int32_t rows, int32_t columns,
                       int32_t *sums) {
    const int32_t channels = pool->shape.channels, count = rows * columns;
    const bool adjacent = row_stride == (ptrdiff_t)columns * channels; /* all pixels of all rows */
    for (int32_t i = 0; i < channels; ++i) {
        sums[i] = pool->shift * count;
    }
    for (int32_t y = 0; y < (adjacent ? 1 : rows); ++y) {
        pool->kernels->sum_rows(from + y * row_stride, channels, adjacent ? count : columns, channels, sums);
    }
}

/* The same from sums of the rows, where a row has many windows. */
static void add_columns(const int32_t *from, int32_t channels, int32_t columns, int32_t shift, int32_t *sums) {
    for (int32_t i = 0; i < channels; ++i) {
        sums[i] = shift + from[i];
    }
    for (int32_t j = 1; j < columns; ++j) {
        from += channels;
        for (int32_t i = 0; i < channels; ++i) {
            sums[i] += from[i];
        }
    }
}

/* Scratch: sums of windows (out_width, channels), and where there are several of columns (width, channels), with slack behind each. */
static void run_average(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_pool *pool = step->data;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    const int32_t channels = pool->shape.channels, width = pool->shape.window.out_width, row = pool->shape.width * channels;
    int32_t *const sums = scratch, *const tall = sums + (ptrdiff_t)width * channels + EQ_SLACK;
    for (int32_t unit = first; unit < last; ++unit) {
        const void *from;
        eq_pool_range rows;
        int8_t *to = eq_pool_row(&pool->shape, in, out, unit, &from, &rows);
        if (width > 1) {
            memset(tall, 0, (size_t)row * sizeof *tall);
            pool->kernels->sum_rows(from, in->row_stride, rows.count, row, tall);
        }
        for (int32_t x = 0, n; x < width; x += n, to += n * channels) { /* windows of as many pixels are divided together */
            const eq_pool_range c = eq_pool_columns(&pool->shape, x);
            const int32_t count = rows.count * c.count;
            eq_pool_range next = c;
            for (n = 0; x + n < width && next.count == c.count; next = eq_pool_columns(&pool->shape, x + n)) {
                if (width > 1) {
                    add_columns(tall + (ptrdiff_t)next.first * channels, channels, c.count, pool->shift * count,
                                sums + (ptrdiff_t)n * channels);
                } else {
                    sum_window(pool, (const int8_t *)from + next.first * channels, in->row_stride, rows.count, c.count, sums);
                }
                ++n;
            }
            pool->kernels->average(sums, count, pool->shift, pool->min, pool->max, to, (size_t)n * (size_t)channels);
        }
    }
}

/* ---- the operators ---- */

/* What both have. */
static eq_status prepare(eq_plan *plan, const eq_operator *op, eq_run_fn run, eq_step **made, int32_t *activation) {
    eq_pool_shape shape;
    eq_status status = eq_pool_read(plan, op, &shape, activation);
    if (status != EQ_OK || (status = eq_check_int8(plan, op, eq_plan_input(plan, op, 0), "its input")) != EQ_OK ||
        (status = eq_check_int8(plan, op, eq_plan_output(plan, op, 0), "its output")) != EQ_OK) {
        return status;
    }
    *made = eq_pool_step(plan, op, &shape, run, sizeof(eq_pool));
    if (!*made) {
        return (eq_status)plan->error->status;
    }
    eq_pool *pool = (*made)->data;
    pool->kernels = plan->kernels;
    pool->shape = shape;
    return EQ_OK;
}

eq_status eq_prepare_max_pool_s8(eq_plan *plan, const eq_operator *op) {
    eq_step *step = NULL;
    int32_t min = 0, max = 0, activation = 0;
    eq_status status = prepare(plan, op, run_max, &step, &activation);
    if (status != EQ_OK || (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_activation_range(plan, op, activation, eq_plan_output(plan, op, 0), &min, &max)) != EQ_OK) {
        return status;
    }
    eq_pool *pool = step->data;
    pool->clamps = min > -128 || max < 127;
    for (int32_t value = -128; value < 128; ++value) {
        pool->clamped[value + 128] = (int8_t)eq_clamp(value, min, max);
    }
    step->scratch = (size_t)pool->shape.width * (size_t)pool->shape.channels + EQ_SLACK;
    return EQ_OK;
}

eq_status eq_prepare_average_pool_s8(eq_plan *plan, const eq_operator *op) {
    eq_step *step = NULL;
    int32_t min = 0, max = 0, activation = 0;
    eq_status status = prepare(plan, op, run_average, &step, &activation);
    if (status != EQ_OK ||
        (status = eq_activation_range_litert(plan, op, activation, eq_plan_output(plan, op, 0), &min, &max)) != EQ_OK) {
        return status;
    }
    eq_pool *pool = step->data;
    if ((int64_t)pool->shape.height * pool->shape.width > 1 << 22) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its image has more than 2^22 pixels");
    }
    pool->shift = eq_plan_output(plan, op, 0)->file_type == EQ_UINT8 ? 128 : 0;
    pool->min = min;
    pool->max = max;
    const size_t windows = (size_t)pool->shape.window.out_width, columns = windows > 1 ? (size_t)pool->shape.width : 0;
    step->scratch = eq_size_times((windows + columns) * (size_t)pool->shape.channels + 2 * EQ_SLACK, sizeof(int32_t));
    return EQ_OK;
}

EQ_OPERATOR(AVERAGE_POOL_2D, eq_prepare_average_pool_s8, INT8);
EQ_OPERATOR(MAX_POOL_2D, eq_prepare_max_pool_s8, INT8);
EQ_OPERATOR_KERNEL(sum_rows, AVERAGE_POOL_2D);
EQ_OPERATOR_KERNEL(max_rows, MAX_POOL_2D);
EQ_OPERATOR_NOTE(AVERAGE_POOL_2D, "int8 images up to 2^22 pixels, int16 up to 2^15");
