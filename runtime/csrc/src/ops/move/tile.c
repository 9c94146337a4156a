/* TILE and BROADCAST_TO: the same values again and again along an axis. */
#include "ops/arguments.h"
#include "move.h"
#include "plan/operator.h"

eq_status eq_prepare_tile(eq_plan *plan, const eq_operator *op) {
    int32_t multiples[EQ_MAX_RANK], count = 0, dims[EQ_MAX_RANK];
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 1, multiples, EQ_MAX_RANK, &count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (count != in->rank) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a multiple for each of %d dimensions", (int)in->rank);
    }
    for (int32_t i = 0; i < count; ++i) {
        if (multiples[i] < 0 || multiples[i] > INT32_MAX / in->dims[i]) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "cannot repeat dimension %d %d times", (int)i, (int)multiples[i]);
        }
        dims[i] = in->dims[i] * multiples[i];
    }
    if ((status = eq_plan_shape(plan, op, 0, count, dims)) != EQ_OK) {
        return status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    eq_move move = eq_move_of(in, 0, 0);
    for (int32_t i = 0; i < count; ++i) {
        eq_move_loop_inside(&move, multiples[i], (eq_place){0}, eq_place_along(out, i, in->dims[i]));
        eq_move_loop_inside(&move, in->dims[i], eq_place_along(in, i, 1), eq_place_along(out, i, 1));
    }
    return eq_move_step(plan, op, &move, 1, op->inputs, op->outputs);
}

eq_status eq_prepare_broadcast_to(eq_plan *plan, const eq_operator *op) {
    int32_t dims[EQ_MAX_RANK], rank = 0;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 1, dims, EQ_MAX_RANK, &rank)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 0, rank, dims)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    const int32_t added = rank - in->rank;
    eq_move move = eq_move_of(in, 0, 0);
    for (int32_t i = 0; i < rank; ++i) {
        const int32_t axis = i - added; /* of the input */
        const int32_t size = axis < 0 ? 1 : in->dims[axis];
        if (added < 0 || (size != 1 && size != dims[i])) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its input does not broadcast to the shape it asks for");
        }
        eq_place step = size == 1 ? (eq_place){0} : eq_place_along(in, axis, 1);
        eq_move_loop_inside(&move, dims[i], step, eq_place_along(out, i, 1));
    }
    return eq_move_step(plan, op, &move, 1, op->inputs, op->outputs);
}

EQ_OPERATOR(TILE, eq_prepare_tile, ANY);
EQ_OPERATOR(BROADCAST_TO, eq_prepare_broadcast_to, ANY);
