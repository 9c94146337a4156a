/* SOFTMAX and LOG_SOFTMAX of float32: values are added in their order, so a sum cannot be split. docs/arithmetic.md has the formulas. */
#include <math.h>
#include <string.h>

#include "arithmetic/functions_f32.h"
#include "base/memory.h"
#include "kernels/four_floats.h"
#include "kernels/inline.h"
#include "plan/operator.h"
#include "read/operator_codes.h"
#include "softmax.h"

enum {
    ROWS = 8,    /* at once: a sum is one chain of additions, whose latency those of other rows hide */
    VECTORS = 4, /* of a row at once */
    LONG = 32,   /* values of a row: fewer are not worth a call */
};

typedef struct step_data {
    eq_softmax shape;
    const eq_kernels *kernels;
    eq_binary_f32_fn subtract, divide; /* one number; NULL: the set has no longer vectors than these */
} step_data;

static float largest_of(const float *in, int32_t depth) {
    const eq_floats first = {in[0], in[0], in[0], in[0]};
    eq_floats most[VECTORS] = {first, first, first, first}, lanes = first;
    int32_t i = 0;
    for (; i <= depth - 4 * VECTORS; i += 4 * VECTORS) {
        EQ_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            most[v] = eq_larger(((const eq_floats *)(in + i))[v], most[v]);
        }
    }
    EQ_UNROLL
    for (int v = 0; v < VECTORS; v++) {
        lanes = eq_larger(most[v], lanes);
    }
    float largest = lanes[0];
    EQ_UNROLL
    for (int lane = 1; lane < 4; lane++) {
        largest = lanes[lane] > largest ? lanes[lane] : largest;
    }
    for (; i < depth; i++) {
        largest = in[i] > largest ? in[i] : largest;
    }
    return largest;
}

static void add_rows(const float *in, int32_t depth, int32_t rows, float sums[ROWS]) {
    float whole[ROWS] = {0};
    for (int32_t i = 0; rows == ROWS && i < depth; i++) {
        EQ_UNROLL
        for (int r = 0; r < ROWS; r++) {
            whole[r] += in[(ptrdiff_t)r * depth + i];
        }
    }
    memcpy(sums, whole, sizeof whole);
    for (int32_t r = 0; rows < ROWS && r < rows; r++, in += depth) {
        for (int32_t i = 0; i < depth; i++) {
            sums[r] += in[i];
        }
    }
}

/* to = an expression of in[i], float or vector, for a row. `in` may be `to`. */
#define EACH_OF_ROW(in, to, expression)                      \
    int32_t i = 0;                                           \
    for (; i <= depth - 4 * VECTORS; i += 4 * VECTORS) {     \
        eq_floats x[VECTORS];                                \
        EQ_UNROLL                                            \
        for (int v = 0; v < VECTORS; v++) {                  \
            x[v] = ((const eq_floats *)((in) + i))[v];       \
        }                                                    \
        EQ_UNROLL                                            \
        for (int v = 0; v < VECTORS; v++) {                  \
            ((eq_floats *)((to) + i))[v] = expression(x[v]); \
        }                                                    \
    }                                                        \
    for (; i < depth; i++) {                                 \
        (to)[i] = expression((in)[i]);                       \
    }

static const eq_bounds unbounded = {-INFINITY, INFINITY};

/* out = (in - subtrahend) * factor, of one row. */
static void shift_row(const step_data *d, const float *in, float subtrahend, float factor, float *out) {
    const int32_t depth = d->shape.depth;
    if (d->subtract && factor == 1) {
        d->subtract(&unbounded, in, &subtrahend, out, (size_t)depth);
        return;
    }
#define SHIFTED(x) (((x) - subtrahend) * factor)
    EACH_OF_ROW(in, out, SHIFTED)
}

static void divide_row(const step_data *d, float *values, float sum) {
    const int32_t depth = d->shape.depth;
    if (d->divide) {
        d->divide(&unbounded, values, &sum, values, (size_t)depth);
        return;
    }
#define DIVIDED(x) ((x) / sum)
    EACH_OF_ROW(values, values, DIVIDED)
}

/* `exponentials` may be `out`, where a softmax has them. */
static void run_rows(const step_data *d, const float *in, float *out, float *exponentials, int32_t rows) {
    static const eq_unary_f32 exponential = {.code = EQ_OP_EXP};
    const int32_t depth = d->shape.depth;
    float sums[ROWS];
    for (int32_t r = 0; r < rows; r++) {
        const ptrdiff_t first = (ptrdiff_t)r * depth;
        shift_row(d, in + first, largest_of(in + first, depth), d->shape.beta, out + first);
    }
    d->kernels->unary_f32(&exponential, out, exponentials, (size_t)rows * (size_t)depth);
    add_rows(exponentials, depth, rows, sums);
    for (int32_t r = 0; r < rows; r++, out += depth) {
        if (d->shape.logarithm) {
            shift_row(d, out, eq_log_f32(sums[r]), 1, out);
        } else {
            divide_row(d, out, sums[r]);
        }
    }
}

static void run_float(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const size_t depth = (size_t)d->shape.depth;
    const float *in = (const float *)storage[step->inputs[0].tensor].data + (size_t)first * depth;
    float *out = (float *)storage[step->outputs[0].tensor].data + (size_t)first * depth;
    for (; first < last; first += ROWS, in += ROWS * depth, out += ROWS * depth) {
        run_rows(d, in, out, d->shape.logarithm ? scratch : out, last - first < ROWS ? last - first : ROWS);
    }
}

eq_status eq_prepare_softmax_f32(eq_plan *plan, const eq_operator *op) {
    if (eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives what it takes: float32");
    }
    eq_step *step = eq_softmax_step(plan, op, run_float, sizeof(step_data));
    if (!step) {
        return (eq_status)plan->error->status;
    }
    step_data *d = step->data;
    d->kernels = plan->kernels;
    for (const eq_binary_f32 *row = plan->kernels->binary_f32; d->shape.depth >= LONG && row->order[0].run; row++) {
        if (row->code == EQ_OP_SUB) {
            d->subtract = row->order[0].run_scalar;
        } else if (row->code == EQ_OP_DIV) {
            d->divide = row->order[0].run_scalar;
        }
    }
    if (!d->divide) {
        d->subtract = NULL;
    }
    step->scratch = d->shape.logarithm ? eq_size_times((size_t)d->shape.depth, ROWS * sizeof(float)) : 0;
    step->floats = true;
    return EQ_OK;
}

EQ_OPERATOR(SOFTMAX, eq_prepare_softmax_f32, FLOAT32);
EQ_OPERATOR(LOG_SOFTMAX, eq_prepare_softmax_f32, FLOAT32);
EQ_OPERATOR_FLOAT16(SOFTMAX);
