/* BATCH_MATMUL: matrices (..., rows, depth) times (..., depth, columns); adj_x and adj_y say that a matrix is stored transposed.
 * The leading dimensions broadcast. XNNPACK takes it if the second matrix has the zero point 0, as weights have; otherwise the
 * arithmetic is that of LiteRT's integer kernel. */
#include "../fixed_point.h"
#include "prepare.h"
#include "quantization.h"

enum { ADJ_X = 0, ADJ_Y = 1 }; /* fields of the options */
enum { LANES = 16 };           /* inner loops of so many turn into vector code */

typedef struct step_data {
    int32_t rows, depth, columns;
    ptrdiff_t x_row, x_depth, y_depth, y_column; /* bytes between neighbours */
    int32_t batch_rank, batch[EQ_MAX_RANK];
    ptrdiff_t x_batch[EQ_MAX_RANK], y_batch[EQ_MAX_RANK]; /* 0 where the matrix is repeated */
    int32_t x_zero_point, y_zero_point, zero_point;
    float scale;
    eq_fixed fixed_scale;
} step_data;

/* Take a row of x minus its zero point; returns the sum. */
static int32_t take_row(const step_data *d, const int8_t *x, int16_t *row) {
    uint32_t sum = 0;
    for (int32_t k = 0; k < d->depth; ++k) {
        row[k] = (int16_t)(x[k * d->x_depth] - d->x_zero_point);
        sum += (uint32_t)(int32_t)row[k];
    }
    return (int32_t)sum;
}

/* The products of a row and LANES adjacent columns of y as it is. */
static void dot_columns(const step_data *d, const int16_t *row, const int8_t *y, uint32_t *sums) {
    for (int32_t k = 0; k < d->depth; ++k, y += d->y_depth) {
        for (int32_t n = 0; n < LANES; ++n) {
            sums[n] += (uint32_t)(row[k] * y[n]);
        }
    }
}

/* The product of a row and one column of y, whose values are y_depth apart. */
static uint32_t dot_column(const step_data *d, const int16_t *row, const int8_t *y) {
    uint32_t lanes[LANES] = {0}, sum = 0;
    int32_t k = 0;
    for (; d->y_depth == 1 && k <= d->depth - LANES; k += LANES) {
        for (int32_t i = 0; i < LANES; ++i) {
            lanes[i] += (uint32_t)(row[k + i] * y[k + i]);
        }
    }
    for (int32_t i = 0; i < LANES; ++i) {
        sum += lanes[i];
    }
    for (; k < d->depth; ++k) {
        sum += (uint32_t)(row[k] * y[k * d->y_depth]);
    }
    return sum;
}

static int8_t requantize(const step_data *d, int32_t sum) {
    if (d->y_zero_point == 0) {
        return eq_requantize(sum, d->scale, d->zero_point, INT8_MIN, INT8_MAX);
    }
    return (int8_t)eq_clamp(eq_add_wrapping(eq_fixed_multiply(sum, d->fixed_scale), d->zero_point), INT8_MIN, INT8_MAX);
}

static void run_row(const step_data *d, const int8_t *x, const int8_t *y, int8_t *out, int16_t *row) {
    const uint32_t correction = (uint32_t)eq_multiply_wrapping(-d->y_zero_point, take_row(d, x, row));
    if (d->y_column != 1 || d->columns < LANES) {
        for (int32_t n = 0; n < d->columns; ++n) {
            out[n] = requantize(d, (int32_t)(dot_column(d, row, y + n * d->y_column) + correction));
        }
        return;
    }
    for (int32_t next = 0; next < d->columns; next += LANES) { /* the last block may overlap the one before */
        const int32_t first = next < d->columns - LANES ? next : d->columns - LANES;
        uint32_t sums[LANES] = {0};
        dot_columns(d, row, y + first, sums);
        for (int32_t n = 0; n < LANES; ++n) {
            out[first + n] = requantize(d, (int32_t)(sums[n] + correction));
        }
    }
}

/* A unit is one output row. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    for (int32_t unit = first; unit < last; ++unit) {
        const int8_t *x = storage[step->inputs[0].tensor].data, *y = storage[step->inputs[1].tensor].data;
        int8_t *out = (int8_t *)storage[step->outputs[0].tensor].data + (ptrdiff_t)unit * d->columns;
        int32_t matrix = unit / d->rows;
        for (int32_t axis = d->batch_rank - 1; axis >= 0; --axis) {
            x += matrix % d->batch[axis] * d->x_batch[axis];
            y += matrix % d->batch[axis] * d->y_batch[axis];
            matrix /= d->batch[axis];
        }
        run_row(d, x + unit % d->rows * d->x_row, y, out, scratch);
    }
}

/* Sizes and strides of the leading dimensions; `dims` gets the output's. False if they do not broadcast. */
static bool broadcast(const eq_tensor *x, const eq_tensor *y, step_data *d, int32_t *dims) {
    ptrdiff_t x_stride = (ptrdiff_t)d->rows * d->depth, y_stride = (ptrdiff_t)d->depth * d->columns;
    d->batch_rank = (x->rank > y->rank ? x->rank : y->rank) - 2;
    for (int32_t axis = d->batch_rank - 1; axis >= 0; --axis) {
        const int32_t x_axis = axis - d->batch_rank + x->rank - 2, y_axis = axis - d->batch_rank + y->rank - 2;
        const int32_t x_size = x_axis >= 0 ? x->dims[x_axis] : 1, y_size = y_axis >= 0 ? y->dims[y_axis] : 1;
        if (x_size != y_size && x_size != 1 && y_size != 1) {
            return false;
        }
        dims[axis] = d->batch[axis] = x_size == 1 ? y_size : x_size;
        d->x_batch[axis] = x_size == 1 ? 0 : x_stride;
        d->y_batch[axis] = y_size == 1 ? 0 : y_stride;
        x_stride *= x_size;
        y_stride *= y_size;
    }
    dims[d->batch_rank] = d->rows;
    dims[d->batch_rank + 1] = d->columns;
    return true;
}

static eq_status find_shapes(eq_plan *plan, const eq_operator *op, step_data *d) {
    const eq_tensor *x = eq_plan_input(plan, op, 0), *y = eq_plan_input(plan, op, 1);
    const bool adj_x = eq_option_bool(op, ADJ_X, false), adj_y = eq_option_bool(op, ADJ_Y, false);
    int32_t dims[EQ_MAX_RANK] = {0};
    if (x->rank < 2 || y->rank < 2) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the inputs must have two dimensions or more");
    }
    const int32_t *x_dims = x->dims + x->rank - 2, *y_dims = y->dims + y->rank - 2;
    d->rows = x_dims[adj_x];
    d->depth = x_dims[!adj_x];
    d->columns = y_dims[!adj_y];
    if (y_dims[adj_y] != d->depth || !broadcast(x, y, d, dims)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the inputs' shapes do not fit each other");
    }
    d->x_row = adj_x ? 1 : d->depth;
    d->x_depth = adj_x ? d->rows : 1;
    d->y_column = adj_y ? d->depth : 1;
    d->y_depth = adj_y ? 1 : d->columns;
    return eq_plan_shape(plan, op, 0, d->batch_rank + 2, dims);
}

static eq_status find_arithmetic(eq_plan *plan, const eq_operator *op, step_data *d) {
    const eq_tensor *x = eq_plan_input(plan, op, 0), *y = eq_plan_input(plan, op, 1), *out = eq_plan_output(plan, op, 0);
    eq_status status = eq_check_int8(plan, op, x, "the first input");
    if (status == EQ_OK) status = eq_check_int8(plan, op, y, "the second input");
    if (status == EQ_OK) status = eq_check_int8(plan, op, out, "the output");
    if (status != EQ_OK) {
        return status;
    }
    const float product = x->scales[0] * y->scales[0]; /* in float, as both do */
    d->scale = product / out->scales[0];
    if (!isfinite(d->scale)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the scales' quotient is not finite");
    }
    d->fixed_scale = eq_fixed_from((double)product / (double)out->scales[0]);
    d->x_zero_point = x->zero_points[0];
    d->y_zero_point = y->zero_points[0];
    d->zero_point = out->zero_points[0];
    return EQ_OK;
}

eq_status eq_prepare_batch_matmul(eq_plan *plan, const eq_operator *op) {
    step_data d = {0};
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status == EQ_OK) status = find_shapes(plan, op, &d);
    if (status == EQ_OK) status = find_arithmetic(plan, op, &d);
    if (status != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof d, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = d;
    step->scratch = (size_t)d.depth * sizeof(int16_t);
    step->units = (int32_t)(eq_tensor_elements(eq_plan_output(plan, op, 0)) / d.columns);
    step->macs = step->cost = (uint64_t)step->units * (uint64_t)d.columns * (uint64_t)d.depth;
    for (int32_t i = 0; i < 2; ++i) {
        step->inputs[i].tensor = op->inputs[i];
    }
    step->outputs[0].tensor = op->outputs[0];
    return EQ_OK;
}
