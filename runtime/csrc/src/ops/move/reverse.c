/* REVERSE_V2: the named axes from their last element to their first. */
#include "ops/arguments.h"
#include "move.h"
#include "plan/operator.h"

eq_status eq_prepare_reverse_v2(eq_plan *plan, const eq_operator *op) {
    int32_t axes[EQ_MAX_RANK], count = 0;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 1, axes, EQ_MAX_RANK, &count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    uint32_t reversed = 0;
    for (int32_t i = 0; i < count; ++i) {
        if ((status = eq_argument_axis(plan, op, axes[i], in->rank, &axes[i])) != EQ_OK) {
            return status;
        }
        reversed |= 1u << axes[i];
    }
    if ((status = eq_plan_shape(plan, op, 0, in->rank, in->dims)) != EQ_OK) {
        return status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    eq_move move = eq_move_of(in, 0, 0);
    for (int32_t i = 0; i < in->rank; ++i) {
        const bool back = reversed >> i & 1;
        move.in = eq_place_sum(move.in, eq_place_along(in, i, back ? in->dims[i] - 1 : 0));
        eq_move_loop_inside(&move, in->dims[i], eq_place_along(in, i, back ? -1 : 1), eq_place_along(out, i, 1));
    }
    return eq_move_step(plan, op, &move, 1, op->inputs, op->outputs);
}

EQ_OPERATOR(REVERSE_V2, eq_prepare_reverse_v2, ANY);
