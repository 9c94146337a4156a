/* ARG_MAX and ARG_MIN: where the largest or smallest value is, the first of equals. (outer, axis, inner) -> (outer, inner) */
#include "ops/arguments.h"
#include "plan/operator.h"

enum { LEAST_DEPTH = 16 }; /* of first_best */

typedef struct eq_arg {
    int32_t axis, inner;
    bool wide; /* int64 results */
} eq_arg;

/* The first index whose value is `better` than those before. A NaN that comes first stays, as nothing is better. */
#define FIND(name, type, better)                                 \
    static int32_t name(const void *values, const eq_arg *arg) { \
        const int32_t axis = arg->axis, inner = arg->inner;      \
        const type *from = values;                               \
        type best = *from;                                       \
        int32_t found = 0;                                       \
        for (int32_t i = 1; i < axis; ++i) {                     \
            const type value = *(from += inner);                 \
            found = value better best ? i : found;               \
            best = value better best ? value : best;             \
        }                                                        \
        return found;                                            \
    }

FIND(largest_int8, int8_t, >)
FIND(smallest_int8, int8_t, <)
FIND(largest_int32, int32_t, >)
FIND(smallest_int32, int32_t, <)
FIND(largest_float, float, >)
FIND(smallest_float, float, <)

typedef struct eq_arg_step {
    eq_arg arg;
    int32_t (*find)(const void *values, const eq_arg *arg);
    size_t element;                                                        /* bytes of a value */
    int32_t (*first_best)(const int8_t *values, int32_t n, bool smallest); /* the set's, instead of `find`; or NULL */
    bool smallest;
} eq_arg_step;

static void run_arg(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_arg_step *s = step->data;
    const uint8_t *in = storage[step->inputs[0].tensor].data;
    void *out = storage[step->outputs[0].tensor].data;
    for (int32_t unit = first; unit < last; ++unit) {
        const uint8_t *slice = in + (size_t)unit * (size_t)s->arg.axis * (size_t)s->arg.inner * s->element;
        for (int32_t i = 0; i < s->arg.inner; ++i) {
            const void *values = slice + (size_t)i * s->element;
            const int32_t found = s->first_best ? s->first_best(values, s->arg.axis, s->smallest) : s->find(values, &s->arg);
            const int64_t at = (int64_t)unit * s->arg.inner + i;
            if (s->arg.wide) {
                ((int64_t *)out)[at] = found;
            } else {
                ((int32_t *)out)[at] = found;
            }
        }
    }
}

eq_status eq_prepare_arg(eq_plan *plan, const eq_operator *op) {
    int32_t axis = 0;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_int(plan, op, 1, &axis)) != EQ_OK ||
        (status = eq_argument_axis(plan, op, axis, eq_plan_input(plan, op, 0)->rank, &axis)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    const bool smallest = op->code == EQ_OP_ARG_MIN;
    eq_arg_step s = {.arg = {.axis = in->dims[axis], .inner = 1, .wide = out->type == EQ_INT64}};
    s.element = (size_t)eq_type_size(in->type);
    s.find = in->type == EQ_INT8 || in->type == EQ_BOOL ? (smallest ? smallest_int8 : largest_int8)
             : in->type == EQ_INT32                     ? (smallest ? smallest_int32 : largest_int32)
             : in->type == EQ_FLOAT32                   ? (smallest ? smallest_float : largest_float)
                                                        : NULL;
    if (!s.find || (out->type != EQ_INT32 && out->type != EQ_INT64)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                            "needs int8, bool, int32 or float32 values and an int32 or int64 output");
    }
    int32_t dims[EQ_MAX_RANK], rank = 0, units = 1;
    for (int32_t i = 0; i < in->rank; ++i) {
        if (i != axis) {
            dims[rank++] = in->dims[i];
        }
        units *= i < axis ? in->dims[i] : 1;
        s.arg.inner *= i > axis ? in->dims[i] : 1;
    }
    if ((status = eq_plan_shape(plan, op, 0, rank, dims)) != EQ_OK) {
        return status;
    }
    if (s.element == 1 && s.arg.inner == 1 && s.arg.axis >= LEAST_DEPTH) {
        s.first_best = plan->kernels->first_best;
        s.smallest = smallest;
    }
    eq_step *step = eq_plan_step(plan, op, run_arg, sizeof s, 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_arg_step *)step->data = s;
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    step->units = units;
    step->cost = (uint64_t)eq_tensor_elements(in) / 4;
    return EQ_OK;
}

EQ_OPERATOR(ARG_MAX, eq_prepare_arg, ANY);
EQ_OPERATOR(ARG_MIN, eq_prepare_arg, ANY);
