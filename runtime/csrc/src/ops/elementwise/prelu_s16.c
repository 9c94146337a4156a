/* PRELU of int16 with int8 slopes, by LiteRT's own kernel. */
#include "arithmetic/fixed_point.h"
#include "broadcast.h"
#include "ops/quantization.h"
#include "plan/operator.h"

typedef struct step_data {
    eq_broadcast shape;
    int32_t input; /* which of a and b is the input; the other is the slopes */
    eq_fixed positive, negative;
} step_data;

/* A unit is a row of values along the last dimension. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_broadcast *s = &d->shape;
    const int32_t inner = s->rank > 0 ? s->dims[s->rank - 1] : 1;
    const ptrdiff_t *strides[2] = {s->strides[d->input], s->strides[1 - d->input]};
    const ptrdiff_t steps[2] = {s->rank > 0 ? strides[0][s->rank - 1] : 0, s->rank > 0 ? strides[1][s->rank - 1] : 0};
    (void)scratch;
    for (int32_t unit = first; unit < last; ++unit) {
        const int16_t *in = storage[step->inputs[0].tensor].data;
        const int8_t *slopes = storage[step->inputs[1].tensor].data;
        int16_t *out = (int16_t *)storage[step->outputs[0].tensor].data + (ptrdiff_t)unit * inner;
        for (int32_t axis = s->rank - 2, rest = unit; axis >= 0; rest /= s->dims[axis--]) {
            in += rest % s->dims[axis] * strides[0][axis];
            slopes += rest % s->dims[axis] * strides[1][axis];
        }
        for (int32_t i = 0; i < inner; ++i, in += steps[0], slopes += steps[1]) {
            const int32_t x = *in < 0 ? eq_fixed_multiply(*in * *slopes, d->negative) : eq_fixed_multiply(*in, d->positive);
            out[i] = (int16_t)eq_clamp(x, INT16_MIN, INT16_MAX);
        }
    }
}

static eq_status check(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *slopes = eq_plan_input(plan, op, 1), *out = eq_plan_output(plan, op, 0);
    eq_status status;
    if ((status = eq_check_int16(plan, op, in, "the input")) != EQ_OK ||
        (status = eq_check_int8(plan, op, slopes, "the slopes")) != EQ_OK ||
        (status = eq_check_int16(plan, op, out, "the output")) != EQ_OK) {
        return status;
    }
    if (in->zero_points[0] != 0 || slopes->zero_points[0] != 0 || out->zero_points[0] != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes int16 without zero points only");
    }
    return EQ_OK;
}

eq_status eq_prepare_prelu_s16(eq_plan *plan, const eq_operator *op) {
    step_data d = {0};
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_broadcast_shape(plan, op, &d.shape)) != EQ_OK || (status = check(plan, op)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *slopes = eq_plan_input(plan, op, 1), *out = eq_plan_output(plan, op, 0);
    if (eq_tensor_elements(in) != eq_tensor_elements(out)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has slopes of more dimensions than its input");
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof d, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    d.input = d.shape.slots[1] == 0;
    d.positive = eq_fixed_from((double)(in->scales[0] / out->scales[0]));
    d.negative = eq_fixed_from((double)(in->scales[0] * slopes->scales[0] / out->scales[0]));
    *(step_data *)step->data = d;
    for (int32_t i = 0; i < 2; ++i) {
        step->inputs[i].tensor = op->inputs[i];
    }
    step->outputs[0].tensor = op->outputs[0];
    for (int32_t i = 0; i + 1 < d.shape.rank; ++i) {
        step->units *= d.shape.dims[i];
    }
    step->cost = (uint64_t)eq_tensor_elements(out);
    step->slow = true;
    return EQ_OK;
}

EQ_OPERATOR(PRELU, eq_prepare_prelu_s16, INT16, INT8);
