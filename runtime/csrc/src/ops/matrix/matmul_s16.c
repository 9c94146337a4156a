/* BATCH_MATMUL of int16 by int16 or int8, and FULLY_CONNECTED of int16 with int16 weights. Zero points are 0, sums exact, and rounded
 * once (docs/arithmetic.md). */
#include <string.h>

#include "base/memory.h"
#include "batch_matmul.h"
#include "layers.h"
#include "ops/quantization.h"
#include "plan/operator.h"
#include "requantize_s16.h"

enum { LANES = 8 }; /* columns that are computed together: inner loops of so many turn into vector code */

typedef struct step_data {
    eq_matmul_shape shape;
    bool narrow; /* y is int8 */
    const eq_fixed *scales;
    int32_t scale_count;
    const int32_t *bias; /* (columns), or NULL */
    int32_t min, max;
} step_data;

/* `count` columns of y side by side, (depth, LANES), those missing being 0. */
static void take_columns(const step_data *d, const void *y, ptrdiff_t first, int32_t count, int16_t *columns) {
    const eq_matmul_shape *s = &d->shape;
    memset(columns, 0, (size_t)s->depth * LANES * sizeof *columns);
    for (int32_t n = 0; n < count; ++n) {
        for (int32_t k = 0; k < s->depth; ++k) {
            const ptrdiff_t at = first + n * s->y_column + k * s->y_depth;
            columns[(ptrdiff_t)k * LANES + n] = d->narrow ? ((const int8_t *)y)[at] : ((const int16_t *)y)[at];
        }
    }
}

static void multiply_row(const step_data *d, const int16_t *x, const int16_t *restrict columns, int64_t *sums) {
    int64_t total[LANES] = {0};
    for (int32_t k = 0; k < d->shape.depth; ++k, columns += LANES) {
        const int32_t value = x[k * d->shape.x_depth];
        for (int32_t l = 0; l < LANES; ++l) {
            total[l] += value * columns[l];
        }
    }
    memcpy(sums, total, sizeof total);
}

/* The columns from `first` on of all rows of a matrix. */
static void run_columns(const step_data *d, const int16_t *x, const int16_t *columns, int32_t first, int16_t *out) {
    const eq_matmul_shape *s = &d->shape;
    const int32_t count = s->columns - first < LANES ? s->columns - first : LANES;
    for (int32_t row = 0; row < s->rows; ++row, out += s->columns) {
        int64_t sums[LANES];
        multiply_row(d, x + row * s->x_row, columns, sums);
        for (int32_t l = 0; l < count; ++l) {
            const int32_t n = first + l;
            const int64_t sum = sums[l] + (d->bias ? d->bias[n] : 0);
            const int32_t value = eq_multiply_by_sixteen_bits(sum, d->scales[d->scale_count == 1 ? 0 : n]);
            out[n] = (int16_t)eq_clamp(value, d->min, d->max);
        }
    }
}

/* A unit is LANES columns of a matrix. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_matmul_shape *s = &d->shape;
    const int32_t blocks = (s->columns - 1) / LANES + 1;
    for (int32_t unit = first; unit < last; ++unit) {
        const int16_t *x = storage[step->inputs[0].tensor].data;
        int16_t *out = (int16_t *)storage[step->outputs[0].tensor].data + (ptrdiff_t)(unit / blocks) * s->rows * s->columns;
        const int32_t column = unit % blocks * LANES;
        ptrdiff_t y = column * s->y_column;
        int32_t matrix = unit / blocks;
        for (int32_t axis = s->batch_rank - 1; axis >= 0; --axis) {
            x += matrix % s->batch[axis] * s->x_batch[axis];
            y += matrix % s->batch[axis] * s->y_batch[axis];
            matrix /= s->batch[axis];
        }
        take_columns(d, storage[step->inputs[1].tensor].data, y, s->columns - column < LANES ? s->columns - column : LANES,
                     scratch);
        run_columns(d, x, scratch, column, out);
    }
}

static eq_status add_step(eq_plan *plan, const eq_operator *op, const step_data *data) {
    const eq_matmul_shape *s = &data->shape;
    eq_step *step = eq_plan_step(plan, op, run, sizeof *data, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const int64_t outputs = eq_tensor_elements(eq_plan_output(plan, op, 0)), matrices = outputs / s->rows / s->columns;
    *(step_data *)step->data = *data;
    step->scratch = eq_size_times((size_t)s->depth, LANES * sizeof(int16_t));
    step->units = (int32_t)(matrices * ((s->columns - 1) / LANES + 1)); /* no more than outputs */
    step->macs = step->cost = (uint64_t)outputs * (uint64_t)s->depth;
    step->slow = true;
    for (int32_t i = 0; i < 2; ++i) {
        step->inputs[i].tensor = op->inputs[i];
    }
    step->outputs[0].tensor = op->outputs[0];
    return EQ_OK;
}

/* Whether a tensor is quantized, with zero points of 0. */
static bool is_centered(const eq_tensor *tensor) {
    for (int32_t i = 0; i < tensor->scale_count; ++i) {
        if (tensor->zero_points[i] != 0) {
            return false;
        }
    }
    return tensor->scale_count > 0;
}

static eq_status check(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *x = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    eq_status status = eq_check_int16(plan, op, x, "the first input");
    if (status == EQ_OK) {
        status = eq_check_int16(plan, op, out, "the output");
    }
    if (status == EQ_OK && !(is_centered(x) && is_centered(out) && is_centered(eq_plan_input(plan, op, 1)))) {
        status = eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs scales, and zero points of 0, where the input is int16");
    }
    return status;
}

/* `count` scales from the inputs' to the output's. */
static eq_status take_scales(eq_plan *plan, const eq_operator *op, int32_t count, step_data *d) {
    const float x = eq_plan_input(plan, op, 0)->scales[0], out = eq_plan_output(plan, op, 0)->scales[0];
    const float *y = eq_plan_input(plan, op, 1)->scales;
    eq_fixed *scales = eq_plan_take(plan, eq_size_times((size_t)count, sizeof *scales));
    if (!scales) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < count; ++i) {
        const double product = count == 1 ? (double)(x * y[i]) : (double)x * (double)y[i];
        scales[i] = eq_fixed_from(product / (double)out);
        if (scales[i].shift > 14) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the scales' quotient is more than 2^14");
        }
    }
    d->scales = scales;
    d->scale_count = count;
    return EQ_OK;
}

eq_status eq_prepare_batch_matmul_s16(eq_plan *plan, const eq_operator *op) {
    step_data d = {.min = INT16_MIN, .max = INT16_MAX};
    eq_status status = eq_matmul_read(plan, op, &d.shape);
    if (status == EQ_OK) {
        status = check(plan, op);
    }
    const eq_tensor *y = eq_plan_input(plan, op, 1);
    if (status == EQ_OK && y->scale_count != 1) {
        status = eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes one scale for the second input");
    }
    if (status == EQ_OK) {
        status = take_scales(plan, op, 1, &d);
    }
    d.narrow = y && y->type == EQ_INT8;
    return status == EQ_OK ? add_step(plan, op, &d) : status;
}

static eq_status check_weights(eq_plan *plan, const eq_operator *op, const eq_tensor *weights, const eq_tensor *bias) {
    const int32_t columns = weights->dims[0];
    if (weights->scale_count != 1 && (weights->scale_count != columns || weights->channel_axis != 0)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the weights have %d scales for %d output channels",
                            (int)weights->scale_count, (int)columns);
    }
    if (bias && (bias->type != EQ_INT32 || !bias->data)) { /* LiteRT reads an int64 bias as if it were int32 here */
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the bias of int16 weights must be constant int32");
    }
    if (bias && eq_tensor_elements(bias) != columns) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the bias has %lld values for %d output channels",
                            (long long)eq_tensor_elements(bias), (int)columns);
    }
    return EQ_OK;
}

eq_status eq_prepare_fully_connected_of_s16(eq_plan *plan, const eq_operator *op) {
    int32_t rows, activation;
    step_data d = {0};
    eq_status status = eq_fully_connected_read(plan, op, &rows, &activation);
    if (status == EQ_OK) {
        status = check(plan, op);
    }
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *weights = eq_plan_input(plan, op, 1), *bias = eq_plan_input(plan, op, 2);
    const int32_t depth = weights->dims[1];
    if ((status = check_weights(plan, op, weights, bias)) != EQ_OK ||
        (status = take_scales(plan, op, weights->scale_count, &d)) != EQ_OK) {
        return status;
    }
    d.shape = (eq_matmul_shape){.rows = rows,
                                .depth = depth,
                                .columns = weights->dims[0],
                                .x_row = depth,
                                .x_depth = 1,
                                .y_depth = 1,
                                .y_column = depth};
    d.bias = bias ? bias->data : NULL;
    status = eq_activation_range_litert(plan, op, activation, eq_plan_output(plan, op, 0), &d.min, &d.max);
    return status == EQ_OK ? add_step(plan, op, &d) : status;
}

EQ_OPERATOR(BATCH_MATMUL, eq_prepare_batch_matmul_s16, INT16, INT16);
EQ_OPERATOR(BATCH_MATMUL, eq_prepare_batch_matmul_s16, INT16, INT8);
EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected_of_s16, INT16, INT16);
