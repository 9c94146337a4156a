/* BATCH_MATMUL: matrices (..., rows, depth) times (..., depth, columns), both computed during the run; adj_x and adj_y say that
 * a matrix is stored transposed. The leading dimensions broadcast. XNNPACK takes it if the second matrix has the zero point 0, as
 * weights have; otherwise the arithmetic is that of LiteRT's integer kernel.
 *
 * The kernel multiplies the bytes as they are:
 *     sum of (x - x_zero_point) * (y - y_zero_point)
 *         = sum of x * y - x_zero_point * sum of y - y_zero_point * (sum of x - depth * x_zero_point)         (modulo 2^32) */
#include <math.h>

#include "arithmetic/arithmetic.h"
#include "batch_matmul.h"
#include "base/memory.h"
#include "plan/operator.h"
#include "ops/quantization.h"

enum {
    BLOCK = 64, /* columns of y that stay in a cache while all rows of x pass */
    LANES = 16, /* inner loops of so many turn into vector code */
    SUMS = 512, /* that are requantized at once, if whole rows */
};

typedef struct step_data {
    const eq_kernels *kernels;
    eq_matmul_shape shape;
    int32_t x_zero_point, y_zero_point;
    float scale;
    eq_rescale rescale;   /* LiteRT's scale, and the output's range */
    int32_t padded_depth; /* a multiple of what the kernel takes */
} step_data;

/* Scratch memory of a call. What pads a row of x is anything: it meets zeros. */
typedef struct workspace {
    int8_t *columns; /* of y: (BLOCK or less, padded_depth), padded with zeros */
    int8_t *ones;    /* (EQ_DOT_COLUMNS, padded_depth), padded with zeros: the product with it is a sum */
    int8_t *row;     /* of x: (padded_depth) */
} workspace;

static int32_t padded(int32_t n, int32_t step) {
    return (n + step - 1) / step * step;
}

static workspace start(const step_data *d, int8_t *scratch) {
    const size_t depth = (size_t)d->padded_depth,
                 block = (size_t)padded(d->shape.columns < BLOCK ? d->shape.columns : BLOCK, EQ_DOT_COLUMNS);
    const workspace w = {scratch, scratch + block * depth, scratch + (block + EQ_DOT_COLUMNS) * depth};
    for (size_t n = 0; n < EQ_DOT_COLUMNS; ++n) {
        memset(w.ones + n * depth, 0, depth);
        memset(w.ones + n * depth, 1, (size_t)d->shape.depth);
    }
    return w;
}

/* Bring `count` columns of y together. */
static void take_columns(const step_data *d, const int8_t *y, int32_t count, int8_t *columns) {
    const size_t depth = (size_t)d->shape.depth, padding = (size_t)d->padded_depth - depth;
    if (d->shape.y_depth != 1) {
        d->kernels->transpose(y, d->shape.y_depth, columns, d->padded_depth, d->shape.depth, count);
    }
    for (int32_t n = 0; n < count; ++n, columns += d->padded_depth, y += d->shape.y_column) {
        if (d->shape.y_depth == 1) {
            memcpy(columns, y, depth);
        }
        memset(columns + depth, 0, padding);
    }
}

static const int8_t *take_row(const step_data *d, const int8_t *x, int8_t *row) {
    if (d->shape.x_depth != 1) {
        d->kernels->transpose(x, d->shape.x_depth, row, d->shape.depth, d->shape.depth, 1);
    } else if (d->shape.depth != d->padded_depth) {
        memcpy(row, x, (size_t)d->shape.depth);
    } else {
        return x;
    }
    return row;
}

/* What a row adds to all of its sums. */
static int32_t row_offset(const step_data *d, const workspace *w, const int8_t *row) {
    if (d->y_zero_point == 0) {
        return 0;
    }
    int32_t sum[EQ_DOT_COLUMNS];
    d->kernels->dot(row, w->ones, d->padded_depth, EQ_DOT_COLUMNS, sum);
    const int32_t centered = eq_add_wrapping(sum[0], eq_multiply_wrapping(-d->x_zero_point, d->shape.depth));
    return eq_multiply_wrapping(-d->y_zero_point, centered);
}

static void requantize(const step_data *d, const int32_t *sums, int8_t *out, int32_t n) {
    if (d->y_zero_point != 0) {
        d->kernels->rescale(&d->rescale, sums, out, (size_t)n);
        return;
    }
    const float scale = d->scale;
    const int32_t zero_point = d->rescale.zero_point;
    for (; n >= LANES; n -= LANES, sums += LANES, out += LANES) {
        int8_t lanes[LANES]; /* `out` could be anywhere */
        for (int32_t i = 0; i < LANES; ++i) {
            lanes[i] = eq_requantize(sums[i], scale, zero_point, INT8_MIN, INT8_MAX);
        }
        memcpy(out, lanes, sizeof lanes);
    }
    for (int32_t i = 0; i < n; ++i) {
        out[i] = eq_requantize(sums[i], scale, zero_point, INT8_MIN, INT8_MAX);
    }
}

/* The sums of a row and `columns` columns, already taken. */
static void multiply_row(const step_data *d, const workspace *w, const int8_t *x, const int32_t *offsets, int32_t columns,
                         int32_t *sums) {
    const int8_t *row = take_row(d, x, w->row);
    const int32_t offset = row_offset(d, w, row);
    d->kernels->dot(row, w->columns, d->padded_depth, columns, sums);
    for (int32_t n = 0; n < columns; n += EQ_DOT_COLUMNS) {
        for (int32_t i = 0; i < EQ_DOT_COLUMNS; ++i) { /* a count that compilers make a vector of */
            sums[n + i] = eq_add_wrapping(eq_add_wrapping(sums[n + i], offsets[n + i]), offset);
        }
    }
}

/* `count` columns, already taken, of `rows` rows. */
static void run_block(const step_data *d, const workspace *w, const int8_t *x, int8_t *out, int32_t rows, int32_t count) {
    int32_t offsets[BLOCK], sums[SUMS];
    const int32_t columns = padded(count, EQ_DOT_COLUMNS), together = columns == d->shape.columns ? SUMS / columns : 1;
    d->kernels->dot(w->ones, w->columns, d->padded_depth, columns, offsets);
    for (int32_t n = 0; n < columns; ++n) {
        offsets[n] = eq_multiply_wrapping(-d->x_zero_point, offsets[n]);
    }
    for (int32_t r = 0, n; r < rows; r += n, out += (ptrdiff_t)n * d->shape.columns) {
        n = rows - r < together ? rows - r : together;
        for (int32_t i = 0; i < n; ++i) {
            multiply_row(d, w, x + (r + i) * d->shape.x_row, offsets, columns, sums + i * columns);
        }
        requantize(d, sums, out, n * count);
    }
}

/* A unit is one output row; those of a matrix run together. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const workspace w = start(d, scratch);
    for (int32_t unit = first, rows; unit < last; unit += rows) {
        const int8_t *x = storage[step->inputs[0].tensor].data, *y = storage[step->inputs[1].tensor].data;
        int8_t *out = (int8_t *)storage[step->outputs[0].tensor].data + (ptrdiff_t)unit * d->shape.columns;
        const int32_t row = unit % d->shape.rows;
        rows = d->shape.rows - row < last - unit ? d->shape.rows - row : last - unit;
        int32_t matrix = unit / d->shape.rows;
        for (int32_t axis = d->shape.batch_rank - 1; axis >= 0; --axis) {
            x += matrix % d->shape.batch[axis] * d->shape.x_batch[axis];
            y += matrix % d->shape.batch[axis] * d->shape.y_batch[axis];
            matrix /= d->shape.batch[axis];
        }
        for (int32_t n = 0; n < d->shape.columns; n += BLOCK) {
            const int32_t count = d->shape.columns - n < BLOCK ? d->shape.columns - n : BLOCK;
            take_columns(d, y + n * d->shape.y_column, count, w.columns);
            run_block(d, &w, x + row * d->shape.x_row, out + n, rows, count);
        }
    }
}

static eq_status find_arithmetic(eq_plan *plan, const eq_operator *op, step_data *d) {
    const eq_tensor *x = eq_plan_input(plan, op, 0), *y = eq_plan_input(plan, op, 1), *out = eq_plan_output(plan, op, 0);
    eq_status status = eq_check_int8(plan, op, x, "the first input");
    if (status == EQ_OK) {
        status = eq_check_int8(plan, op, y, "the second input");
    }
    if (status == EQ_OK) {
        status = eq_check_int8(plan, op, out, "the output");
    }
    if (status != EQ_OK) {
        return status;
    }
    const float product = x->scales[0] * y->scales[0]; /* in float, as both do */
    d->scale = product / out->scales[0];
    if (!isfinite(d->scale)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the scales' quotient is not finite");
    }
    d->rescale = (eq_rescale){eq_fixed_from((double)product / (double)out->scales[0]), out->zero_points[0], INT8_MIN, INT8_MAX};
    d->x_zero_point = x->zero_points[0];
    d->y_zero_point = y->zero_points[0];
    return EQ_OK;
}

eq_status eq_prepare_batch_matmul_s8(eq_plan *plan, const eq_operator *op) {
    step_data d = {0};
    eq_status status = eq_matmul_read(plan, op, &d.shape);
    if (status == EQ_OK) {
        status = find_arithmetic(plan, op, &d);
    }
    if (status != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof d, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    d.kernels = plan->kernels;
    d.padded_depth = padded(d.shape.depth, EQ_DOT_DEPTH);
    *(step_data *)step->data = d;
    const size_t vectors =
        (size_t)padded(d.shape.columns < BLOCK ? d.shape.columns : BLOCK, EQ_DOT_COLUMNS) + EQ_DOT_COLUMNS + 1;
    step->scratch = eq_size_times(vectors, (size_t)d.padded_depth);
    step->units = (int32_t)(eq_tensor_elements(eq_plan_output(plan, op, 0)) / d.shape.columns);
    step->macs = step->cost = (uint64_t)step->units * (uint64_t)d.shape.columns * (uint64_t)d.shape.depth;
    for (int32_t i = 0; i < 2; ++i) {
        step->inputs[i].tensor = op->inputs[i];
    }
    step->outputs[0].tensor = op->outputs[0];
    return EQ_OK;
}

EQ_OPERATOR(BATCH_MATMUL, eq_prepare_batch_matmul_s8, INT8, INT8);
EQ_OPERATOR_KERNEL(dot, BATCH_MATMUL);
EQ_OPERATOR_NOTE(BATCH_MATMUL, "int8 on both sides, float32, float32 by int8, int16 by int16 or int8");
