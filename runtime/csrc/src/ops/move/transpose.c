/* TRANSPOSE: axis i of the output is axis permutation[i] of the input. */
#include "ops/arguments.h"
#include "move.h"
#include "plan/operator.h"

eq_status eq_prepare_transpose(eq_plan *plan, const eq_operator *op) {
    int32_t permutation[EQ_MAX_RANK], count = 0, dims[EQ_MAX_RANK];
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 1, permutation, EQ_MAX_RANK, &count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    uint32_t seen = 0;
    for (int32_t i = 0; i < count; ++i) {
        if ((status = eq_argument_axis(plan, op, permutation[i], in->rank, &permutation[i])) != EQ_OK) {
            return status;
        }
        seen |= 1u << permutation[i];
        dims[i] = in->dims[permutation[i]];
    }
    if (count != in->rank || seen != (1u << in->rank) - 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its permutation does not name each of %d axes once", (int)in->rank);
    }
    if ((status = eq_plan_shape(plan, op, 0, count, dims)) != EQ_OK) {
        return status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    eq_move move = eq_move_of(in, 0, 0);
    for (int32_t i = 0; i < count; ++i) {
        eq_move_loop_inside(&move, dims[i], eq_place_along(in, permutation[i], 1), eq_place_along(out, i, 1));
    }
    return eq_move_step(plan, op, &move, 1, op->inputs, op->outputs);
}

EQ_OPERATOR(TRANSPOSE, eq_prepare_transpose, ANY);
EQ_OPERATOR_KERNEL(transpose, TRANSPOSE);
