#include "softmax.h"

#include "ops/arguments.h"
#include "read/operator_codes.h"

eq_step *eq_softmax_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, size_t data_size) {
    if (eq_plan_arity(plan, op, 1, 1, 0, 1) != EQ_OK) {
        return NULL;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const float beta = op->code == EQ_OP_SOFTMAX ? eq_option_float(op, 0, 0) : 1;
    if (in->rank < 1) {
        eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an input without dimensions");
        return NULL;
    }
    if (!(beta >= 0 && beta < 1e6f)) {
        eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has a beta out of range");
        return NULL;
    }
    eq_step *step =
        eq_plan_shape(plan, op, 0, in->rank, in->dims) == EQ_OK ? eq_plan_step(plan, op, run, data_size, 1, 1) : NULL;
    if (!step) {
        return NULL;
    }
    const int32_t depth = in->dims[in->rank - 1];
    *(eq_softmax *)step->data = (eq_softmax){op->code != EQ_OP_SOFTMAX, depth, beta};
    step->units = (int32_t)(eq_tensor_elements(in) / depth);
    step->cost = (uint64_t)eq_tensor_elements(in) * 8;
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    return step;
}
