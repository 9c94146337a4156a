/* CUMSUM: sums of all values up to each along an axis, in that order; without the value itself (exclusive), or from the end (reverse).
 * Integers wrap. */
#include <string.h>

#include "ops/arguments.h"
#include "plan/operator.h"

typedef struct eq_cumsum {
    int32_t axis, inner; /* elements */
    bool exclusive, reverse;
    eq_type type;
} eq_cumsum;

/* One line of values, `stride` elements apart. */
#define SUMS(name, type)                                                                       \
    static void sums_##name(const eq_cumsum *c, const void *in, void *out, int64_t start) {    \
        type sum = 0;                                                                          \
        for (int32_t i = 0; i < c->axis; ++i) {                                                \
            const int64_t at = start + (int64_t)(c->reverse ? c->axis - 1 - i : i) * c->inner; \
            const type before = sum;                                                           \
            sum += ((const type *)in)[at];                                                     \
            ((type *)out)[at] = c->exclusive ? before : sum;                                   \
        }                                                                                      \
    }
SUMS(f32, float)
SUMS(i32, uint32_t)
SUMS(i64, uint64_t)

/* A unit is a line. */
static void run_cumsum(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_cumsum *c = step->data;
    const void *in = storage[step->inputs[0].tensor].data;
    void *out = storage[step->outputs[0].tensor].data;
    for (int32_t unit = first; unit < last; ++unit) {
        const int64_t start = (int64_t)(unit / c->inner) * c->axis * c->inner + unit % c->inner;
        (c->type == EQ_FLOAT32 ? sums_f32 : c->type == EQ_INT32 ? sums_i32 : sums_i64)(c, in, out, start);
    }
}

eq_status eq_prepare_cumsum(eq_plan *plan, const eq_operator *op) {
    int32_t axis = 0;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_int(plan, op, 1, &axis)) != EQ_OK ||
        (status = eq_argument_axis(plan, op, axis, eq_plan_input(plan, op, 0)->rank, &axis)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if ((status = eq_plan_shape(plan, op, 0, in->rank, in->dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_cumsum, sizeof(eq_cumsum), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_cumsum c = {.axis = in->dims[axis], .inner = 1, .type = in->type};
    c.exclusive = eq_option_bool(op, 0, false);
    c.reverse = eq_option_bool(op, 1, false);
    step->units = 1;
    for (int32_t i = 0; i < in->rank; ++i) {
        step->units *= i == axis ? 1 : in->dims[i];
        c.inner *= i > axis ? in->dims[i] : 1;
    }
    *(eq_cumsum *)step->data = c;
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)eq_tensor_elements(in);
    return EQ_OK;
}

EQ_OPERATOR(CUMSUM, eq_prepare_cumsum, FLOAT32, INT32);
EQ_OPERATOR(CUMSUM, eq_prepare_cumsum, INT32, INT32);
EQ_OPERATOR(CUMSUM, eq_prepare_cumsum, INT64, INT32);
EQ_OPERATOR_NOTE(CUMSUM, "float32, int32, int64; a constant axis");
