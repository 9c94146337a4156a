/* SVDF of int8 activations. The states are int16 as in LiteRT, or int8 with a zero point as TensorFlow Lite Micro has them too.
 * (reference/svdf.h, EvalIntegerSVDF; TensorFlow Lite Micro's svdf_common.cc) */
#include <string.h>

#include "arithmetic/fixed_point.h"
#include "ops/quantization.h"
#include "plan/operator.h"
#include "base/memory.h"
#include "svdf.h"

typedef struct step_data {
    eq_svdf svdf;
    const eq_kernels *kernels;
    int32_t columns, depth; /* of the filters, padded as eq_kernels.dot asks */
    const int8_t *feature;  /* (columns, depth) */
    const int32_t *added;   /* (columns): the input's zero point times the weights */
    const void *time;       /* (filters, memory), of the states' type */
    const int32_t *bias;    /* or NULL */
    eq_fixed to_state;
    eq_rescale to_out;
    int32_t state_zero_point;
    bool wide; /* states of int16 */
} step_data;

static int32_t padded(int32_t n, int32_t step) {
    return (n + step - 1) / step * step;
}

static size_t aligned(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

/* Both sum a filter's states, the last of which is new, and move all but the first one place down. */
static int32_t weighted_s16(const step_data *d, int32_t filter, int32_t news, int16_t *state) {
    const int32_t memory = d->svdf.memory;
    const int16_t *weights = (const int16_t *)d->time + (ptrdiff_t)filter * memory;
    state += (ptrdiff_t)filter * memory;
    state[memory - 1] = (int16_t)eq_clamp(news, INT16_MIN, INT16_MAX);
    int32_t sum = weights[0] * state[0];
    for (int32_t i = 1; i < memory; i++) {
        sum = eq_add_wrapping(sum, weights[i] * state[i]);
        state[i - 1] = state[i];
    }
    return sum;
}

static int32_t weighted_s8(const step_data *d, int32_t filter, int32_t news, int8_t *state) {
    const int32_t memory = d->svdf.memory;
    const int8_t *weights = (const int8_t *)d->time + (ptrdiff_t)filter * memory;
    state += (ptrdiff_t)filter * memory;
    state[memory - 1] = (int8_t)eq_clamp(eq_add_wrapping(news, d->state_zero_point), INT8_MIN, INT8_MAX);
    const int32_t zero = d->state_zero_point;
    int32_t sum = weights[0] * (state[0] - zero);
    for (int32_t i = 1; i < memory; i++) {
        sum = eq_add_wrapping(sum, weights[i] * (state[i] - zero));
        state[i - 1] = state[i];
    }
    return sum;
}

/* What a unit's filters give, from the products with the input: in place, as no unit is behind the first of its filters. */
static void sum_units(const step_data *d, int32_t *sums, void *state) {
    const int32_t rank = d->svdf.rank;
    for (int32_t filter = 0; filter < d->svdf.filters; filter++) {
        sums[filter] = eq_fixed_multiply(eq_add_wrapping(sums[filter], d->added[filter]), d->to_state);
    }
    for (int32_t unit = 0, filter = 0; unit < d->svdf.units; unit++) {
        int32_t sum = d->bias ? d->bias[unit] : 0;
        for (int32_t i = 0; i < rank; i++, filter++) {
            const int32_t news = sums[filter];
            sum = eq_add_wrapping(sum, d->wide ? weighted_s16(d, filter, news, state) : weighted_s8(d, filter, news, state));
        }
        sums[unit] = sum;
    }
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_svdf *svdf = &d->svdf;
    int32_t *sums = scratch;
    int8_t *row = (int8_t *)scratch + aligned((size_t)d->columns * sizeof *sums);
    const size_t state_bytes = (size_t)svdf->filters * (size_t)svdf->memory * (d->wide ? sizeof(int16_t) : sizeof(int8_t));
    for (int32_t item = first; item < last; item++) {
        int8_t *out = (int8_t *)storage[step->outputs[0].tensor].data + (ptrdiff_t)item * svdf->units;
        uint8_t *state = (uint8_t *)storage[step->inputs[1].tensor].data + (size_t)item * state_bytes;
        memcpy(row, (const int8_t *)storage[step->inputs[0].tensor].data + (ptrdiff_t)item * svdf->inputs,
               (size_t)svdf->inputs);
        d->kernels->dot(row, d->feature, d->depth, d->columns, sums);
        sum_units(d, sums, state);
        d->kernels->rescale(&d->to_out, sums, out, (size_t)svdf->units);
    }
}

/* ---- preparation ---- */

typedef struct packing {
    const step_data *d;
    const eq_tensor *feature;
    int32_t zero_point; /* of the input */
} packing;

static void pack(const void *arguments, void *packed) {
    const packing *p = arguments;
    int8_t *weights = packed;
    int32_t *added = (int32_t *)(void *)((uint8_t *)packed + aligned((size_t)p->d->columns * (size_t)p->d->depth));
    for (int32_t n = 0; n < p->d->svdf.filters; n++, weights += p->d->depth) {
        memcpy(weights, (const int8_t *)p->feature->data + (ptrdiff_t)n * p->d->svdf.inputs, (size_t)p->d->svdf.inputs);
        int32_t sum = 0;
        for (int32_t k = 0; k < p->d->svdf.inputs; k++) {
            sum += weights[k];
        }
        added[n] = eq_multiply_wrapping(-p->zero_point, sum);
    }
}

static eq_status check_scale(eq_plan *plan, const eq_operator *op, int32_t slot, bool may_have_zero_point) {
    const eq_tensor *tensor = eq_plan_input(plan, op, slot);
    if (tensor->scale_count != 1 || tensor->file_type == EQ_UINT8 || (tensor->zero_points[0] != 0 && !may_have_zero_point)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs one scale%s for its input %d",
                            may_have_zero_point ? "" : " and no zero point", (int)slot);
    }
    return EQ_OK;
}

static eq_status read_scales(eq_plan *plan, const eq_operator *op, step_data *d) {
    const eq_tensor *in = eq_plan_input(plan, op, EQ_SVDF_IN), *out = eq_plan_output(plan, op, 0);
    const eq_tensor *feature = eq_plan_input(plan, op, EQ_SVDF_FEATURE), *time = eq_plan_input(plan, op, EQ_SVDF_TIME);
    const eq_tensor *state = eq_plan_input(plan, op, EQ_SVDF_STATE), *bias = eq_plan_input(plan, op, EQ_SVDF_BIAS);
    eq_status status = check_scale(plan, op, EQ_SVDF_IN, true);
    status = status == EQ_OK ? check_scale(plan, op, EQ_SVDF_FEATURE, false) : status;
    status = status == EQ_OK ? check_scale(plan, op, EQ_SVDF_TIME, false) : status;
    status = status == EQ_OK ? check_scale(plan, op, EQ_SVDF_STATE, !d->wide) : status;
    status = status == EQ_OK ? eq_check_int8(plan, op, out, "the output") : status;
    if (status != EQ_OK) {
        return status;
    }
    if (d->svdf.activation > EQ_ACTIVATION_RELU) { /* LiteRT takes RELU alone, and leaves it to the output's zero point */
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes no activation but RELU in int8");
    }
    d->to_state = eq_fixed_from((double)(in->scales[0] * feature->scales[0] / state->scales[0]));
    d->to_out = (eq_rescale){eq_fixed_from((double)(state->scales[0] * time->scales[0] / out->scales[0])), out->zero_points[0],
                             INT8_MIN, INT8_MAX};
    d->state_zero_point = state->zero_points[0];
    d->time = time->data;
    d->bias = bias ? bias->data : NULL;
    return EQ_OK;
}

static eq_status prepare(eq_plan *plan, const eq_operator *op, eq_type states) {
    const eq_svdf_types types = {EQ_INT8, EQ_INT8, states, EQ_INT32, states};
    step_data d = {.kernels = plan->kernels, .wide = states == EQ_INT16};
    eq_status status = eq_svdf_read(plan, op, &types, &d.svdf);
    if (status == EQ_OK) {
        status = read_scales(plan, op, &d);
    }
    if (status != EQ_OK) {
        return status;
    }
    d.columns = padded(d.svdf.filters, EQ_DOT_COLUMNS);
    d.depth = padded(d.svdf.inputs, EQ_DOT_DEPTH);
    const packing arguments = {&d, eq_plan_input(plan, op, EQ_SVDF_FEATURE),
                               eq_plan_input(plan, op, EQ_SVDF_IN)->zero_points[0]};
    const size_t weights = eq_size_times((size_t)d.columns, (size_t)d.depth);
    const uint8_t *packed = eq_plan_packed(
        plan, op, weights > SIZE_MAX / 2 ? SIZE_MAX : aligned(weights) + (size_t)d.columns * sizeof *d.added, pack, &arguments);
    eq_step *step = packed ? eq_svdf_step(plan, op, &d.svdf, run, sizeof d) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    d.feature = (const int8_t *)packed;
    d.added = (const int32_t *)(const void *)(packed + aligned(weights));
    *(step_data *)step->data = d;
    step->scratch = aligned((size_t)d.columns * sizeof(int32_t)) + (size_t)d.depth;
    return EQ_OK;
}

eq_status eq_prepare_svdf_s8(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, EQ_INT16);
}

eq_status eq_prepare_svdf_s8_narrow(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, EQ_INT8);
}

EQ_OPERATOR(SVDF, eq_prepare_svdf_s8, INT8, INT8);
EQ_OPERATOR(SVDF, eq_prepare_svdf_s8_narrow, INT8, INT8, INT8);
EQ_OPERATOR_KERNEL(dot, SVDF);
EQ_OPERATOR_NOTE(SVDF, "constant weights; floats with weights of floats or int8; int8 with states of int16 or int8");
