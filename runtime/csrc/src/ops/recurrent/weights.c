#include "weights.h"

eq_status eq_recurrent_weights_check(eq_plan *plan, const eq_operator *op, int32_t slot, eq_type type, int32_t rows,
                                     int32_t columns) {
    const eq_tensor *weights = eq_plan_input(plan, op, slot);
    if (!weights) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "lacks its input %d", (int)slot);
    }
    if (!weights->data || weights->is_variable) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs its input %d to be constant", (int)slot);
    }
    if (weights->type != type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has %s as its input %d where it needs %s",
                            eq_type_name(weights->type), (int)slot, eq_type_name(type));
    }
    const bool fits = columns == 0 ? weights->rank == 1 && weights->dims[0] == rows
                                   : weights->rank == 2 && weights->dims[0] == rows && weights->dims[1] == columns;
    return fits ? EQ_OK
                : eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an input %d of another shape than its other weights", (int)slot);
}

eq_status eq_recurrent_state_check(eq_plan *plan, const eq_operator *op, int32_t slot, eq_type type, int32_t batch,
                                   int32_t size) {
    const eq_tensor *state = eq_plan_input(plan, op, slot);
    if (!state || !state->is_variable) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its input %d, a state, must be a variable", (int)slot);
    }
    if (state->type != type || eq_tensor_elements(state) != (int64_t)batch * size) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL,
                            "its input %d, a state, has another type or size than its weights ask for", (int)slot);
    }
    return EQ_OK;
}
