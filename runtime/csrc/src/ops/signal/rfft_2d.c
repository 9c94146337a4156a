/* RFFT2D: the transform of real images (..., height, width), cut or filled with zeros to powers of two (..., fft height, fft width) ->
 * complex (..., fft height, fft width / 2 + 1). In double precision, rounded once at the end. */
#include <string.h>

#include "arithmetic/fft.h"
#include "base/memory.h"
#include "ops/arguments.h"
#include "plan/operator.h"

enum { LONGEST = 1 << 26 };

typedef struct eq_rfft {
    int32_t in_height, in_width; /* of which no more than the other two are read */
    int32_t height, width, columns;
    int32_t row_stride, image_stride; /* of the input, in elements */
    const eq_complex *row_factors, *column_factors;
} eq_rfft;

static void transform_rows(const eq_rfft *r, const float *in, eq_complex *work) {
    for (int32_t y = 0; y < r->in_height; ++y) {
        eq_complex *row = work + (int64_t)y * r->columns;
        const float *from = in + (int64_t)y * r->row_stride;
        for (int32_t x = 0; x < r->columns; ++x) {
            row[x].real = 2 * x < r->in_width ? (double)from[2 * x] : 0;
            row[x].imaginary = 2 * x + 1 < r->in_width ? (double)from[2 * x + 1] : 0;
        }
        eq_fft_real(row, r->width, r->row_factors);
    }
    for (int64_t i = (int64_t)r->in_height * r->columns; i < (int64_t)r->height * r->columns; ++i) {
        work[i] = (eq_complex){0, 0};
    }
}

static void transform_columns(const eq_rfft *r, eq_complex *work, eq_complex *column) {
    for (int32_t x = 0; x < r->columns && r->height > 1; ++x) {
        for (int32_t y = 0; y < r->height; ++y) {
            column[y] = work[(int64_t)y * r->columns + x];
        }
        eq_fft(column, r->height, r->column_factors, 1);
        for (int32_t y = 0; y < r->height; ++y) {
            work[(int64_t)y * r->columns + x] = column[y];
        }
    }
}

/* A unit is an image. */
static void run_rfft(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_rfft *r = step->data;
    const int64_t size = (int64_t)r->height * r->columns;
    const float *in = storage[step->inputs[0].tensor].data;
    float *out = (float *)storage[step->outputs[0].tensor].data + 2 * first * size;
    eq_complex *work = scratch, *column = work + size;
    for (int32_t unit = first; unit < last; ++unit, out += 2 * size) {
        transform_rows(r, in + (int64_t)unit * r->image_stride, work);
        transform_columns(r, work, column);
        for (int64_t i = 0; i < size; ++i) {
            out[2 * i] = (float)work[i].real;
            out[2 * i + 1] = (float)work[i].imaginary;
        }
    }
}

static const eq_complex *take_factors(eq_plan *plan, int32_t length) {
    eq_complex *factors = eq_plan_take(plan, ((size_t)length / 2 + 1) * sizeof *factors);
    if (factors) {
        eq_fft_factors(length, factors);
    }
    return factors;
}

static bool is_length(int32_t length) {
    return length >= 1 && length <= LONGEST && (length & (length - 1)) == 0;
}

eq_status eq_prepare_rfft_2d(eq_plan *plan, const eq_operator *op) {
    int32_t lengths[2], count = 0, dims[EQ_MAX_RANK];
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_ints(plan, op, 1, lengths, 2, &count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->rank < 2 || count != 2 || eq_plan_output(plan, op, 0)->type != EQ_COMPLEX64) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs images, two lengths and a complex64 output");
    }
    if (!is_length(lengths[0]) || !is_length(lengths[1])) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "transforms %d x %d values, and lengths must be powers of two",
                            (int)lengths[0], (int)lengths[1]);
    }
    const int32_t *size = in->dims + in->rank - 2;
    eq_rfft r = {.height = lengths[0], .width = lengths[1], .columns = lengths[1] / 2 + 1, .row_stride = size[1]};
    r.in_height = size[0] < r.height ? size[0] : r.height;
    r.in_width = size[1] < r.width ? size[1] : r.width;
    r.image_stride = size[0] * size[1];
    memcpy(dims, in->dims, sizeof dims);
    dims[in->rank - 2] = r.height;
    dims[in->rank - 1] = r.columns;
    if ((status = eq_plan_shape(plan, op, 0, in->rank, dims)) != EQ_OK) {
        return status;
    }
    r.row_factors = take_factors(plan, r.width);
    r.column_factors = r.row_factors ? take_factors(plan, r.height) : NULL;
    eq_step *step = r.column_factors ? eq_plan_step(plan, op, run_rfft, sizeof r, 1, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    memcpy(step->data, &r, sizeof r);
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    step->units = r.image_stride > 0 ? (int32_t)(eq_tensor_elements(in) / r.image_stride) : 0;
    step->scratch = eq_size_times((size_t)r.height * ((size_t)r.columns + 1), sizeof(eq_complex));
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) * 16;
    step->slow = true;
    return EQ_OK;
}

EQ_OPERATOR(RFFT2D, eq_prepare_rfft_2d, FLOAT32, INT32);
EQ_OPERATOR_NOTE(RFFT2D, "constant lengths, powers of two");
