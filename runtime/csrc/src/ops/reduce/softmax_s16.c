/* SOFTMAX of int16 along the last dimension, in LiteRT's fixed point (reference_ops::SoftmaxInt16): exponentials and the reciprocal
 * of their sum are interpolated in tables of 513 values with 15 bits. */
#include <math.h>

#include "arithmetic/fixed_point.h"
#include "arithmetic/portable_math.h"
#include "ops/quantization.h"
#include "plan/operator.h"

enum {
    INTERVALS = 512,
    MOST_VALUES = 1 << 16 /* of a row: their sum fits int32 */
};

typedef struct table {
    int16_t values[INTERVALS + 1];
} table;

typedef struct step_data {
    int32_t depth;
    eq_fixed factor; /* from differences of values to 65535 / 10 of a real number */
    table exponential;
    table reciprocal; /* of 1 + x, x from 0 to 1 */
} step_data;

static double rounded(double x) {
    return round(x * 32768.0);
}

static int16_t saturated(double x) {
    return (int16_t)fmin(fmax(x, -32768.0), 32767.0);
}

/* Each value is moved by half the error in the middle of its interval. (gen_lut) */
static void fill(table *t, double (*function)(double), double low, double high) {
    const double step = (high - low) / INTERVALS;
    for (int32_t i = 0; i < INTERVALS; ++i) {
        const double here = rounded(function(low + i * step));
        const double interpolated = round((function(low + (i + 1) * step) * 32768.0 + here) / 2.0);
        const double error = interpolated - rounded(function(low + i * step + step / 2.0));
        t->values[i] = saturated(here - round(error / 2.0));
    }
    t->values[INTERVALS] = saturated(rounded(function(high)));
}

static double reciprocal_of_one_more(double x) {
    return 1.0 / (1.0 + x);
}

/* x from -2^15 to 2^15 - 1 is the table's whole range. */
static int32_t look_up(const table *t, int32_t x) {
    const int16_t *at = &t->values[INTERVALS / 2 + (x >> 7)];
    return at[0] + (((at[1] - at[0]) * (x & 127) + 64) >> 7);
}

static int32_t exponential(const step_data *d, int32_t difference) {
    const int32_t x = eq_fixed_multiply(difference, d->factor);
    return look_up(&d->exponential, eq_clamp(eq_add_wrapping(x, INT16_MAX), INT16_MIN, INT16_MAX));
}

static void softmax_row(const step_data *d, const int16_t *in, int16_t *out) {
    int32_t largest = INT16_MIN, sum = 0, headroom = 0; /* sum: the largest value adds 2^15 - 1 */
    for (int32_t i = 0; i < d->depth; ++i) {
        largest = in[i] > largest ? in[i] : largest;
    }
    for (int32_t i = 0; i < d->depth; ++i) {
        out[i] = (int16_t)exponential(d, in[i] - largest);
        sum += out[i];
    }
    while (sum << headroom < 1 << 30) {
        ++headroom;
    }
    const int32_t scaled = (int32_t)((((int64_t)sum << headroom) + (1 << 13)) >> 14); /* 2^16 to 2^17 */
    const int32_t reciprocal = look_up(&d->reciprocal, eq_clamp(scaled - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX));
    const int32_t shift = 30 - headroom;
    for (int32_t i = 0; i < d->depth; ++i) {
        out[i] = (int16_t)eq_clamp((out[i] * reciprocal + (1 << (shift - 1))) >> shift, 0, INT16_MAX);
    }
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const int16_t *in = storage[step->inputs[0].tensor].data;
    int16_t *out = storage[step->outputs[0].tensor].data;
    (void)scratch;
    for (int32_t row = first; row < last; ++row) {
        softmax_row(d, in + (ptrdiff_t)row * d->depth, out + (ptrdiff_t)row * d->depth);
    }
}

static eq_status check(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status == EQ_OK) {
        status = eq_check_int16(plan, op, eq_plan_input(plan, op, 0), "the input");
    }
    if (status == EQ_OK) {
        status = eq_check_int16(plan, op, eq_plan_output(plan, op, 0), "the output");
    }
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    if (in->zero_points[0] != 0 || out->zero_points[0] != 0 || fabsf(out->scales[0] * 32768.0f - 1.0f) > 0.001f) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "int16 wants zero points of 0 and an output scale of 1/32768");
    }
    if (in->rank < 1 || in->dims[in->rank - 1] > MOST_VALUES) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "int16 rows have 1 to 65536 values");
    }
    return eq_plan_shape(plan, op, 0, in->rank, in->dims);
}

eq_status eq_prepare_softmax_s16(eq_plan *plan, const eq_operator *op) {
    const eq_status status = check(plan, op);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const float beta = eq_option_float(op, 0, 0);
    if (!(beta >= 0 && beta < 1e6f)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has a beta out of range");
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof(step_data), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    step_data *d = step->data;
    d->depth = in->dims[in->rank - 1];
    d->factor = eq_fixed_from((double)(in->scales[0] * beta) / (10.0 / 65535.0));
    fill(&d->exponential, eq_exp, -10.0, 0.0);
    fill(&d->reciprocal, reciprocal_of_one_more, 0.0, 1.0);
    step->units = (int32_t)(eq_tensor_elements(in) / d->depth);
    step->cost = (uint64_t)eq_tensor_elements(in) * 8;
    step->slow = true;
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    return EQ_OK;
}

EQ_OPERATOR(SOFTMAX, eq_prepare_softmax_s16, INT16);
