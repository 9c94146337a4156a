/* DEPTH_TO_SPACE and SPACE_TO_DEPTH: (batch, height, width, block, block, channels) <-> (batch, height, block, width, block,
 * channels). */
#include "ops/arguments.h"
#include "move.h"
#include "plan/operator.h"

static eq_status prepare(eq_plan *plan, const eq_operator *op, bool to_depth) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const int32_t block = eq_option_int(op, 0, 0);
    if (in->rank != 4 || block < 1 || block > 1 << 15) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs 4 dimensions and a block size, it has %d and %d", (int)in->rank,
                            (int)block);
    }
    const int32_t *d = in->dims;
    bool fits = to_depth ? d[1] % block == 0 && d[2] % block == 0 && d[3] <= INT32_MAX / block / block
                         : d[3] % (block * block) == 0 && d[1] <= INT32_MAX / block && d[2] <= INT32_MAX / block;
    if (!fits) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "blocks of %d do not divide its input", (int)block);
    }
    const int32_t shape[4] = {
        d[0],
        to_depth ? d[1] / block : d[1] * block,
        to_depth ? d[2] / block : d[2] * block,
        to_depth ? d[3] * block * block : d[3] / (block * block),
    };
    if ((status = eq_plan_shape(plan, op, 0, 4, shape)) != EQ_OK) {
        return status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    const eq_tensor *space = to_depth ? in : out, *depth = to_depth ? out : in;
    const int32_t channels = space->dims[3];
    const struct {
        int32_t count;
        eq_place space, depth;
    } loops[] = {
        {depth->dims[0], eq_place_along(space, 0, 1), eq_place_along(depth, 0, 1)},
        {depth->dims[1], eq_place_along(space, 1, block), eq_place_along(depth, 1, 1)},
        {block, eq_place_along(space, 1, 1), eq_place_along(depth, 3, (ptrdiff_t)block * channels)},
        {depth->dims[2], eq_place_along(space, 2, block), eq_place_along(depth, 2, 1)},
        {block, eq_place_along(space, 2, 1), eq_place_along(depth, 3, channels)},
        {channels, eq_place_along(space, 3, 1), eq_place_along(depth, 3, 1)},
    };
    eq_move move = eq_move_of(in, 0, 0);
    for (size_t i = 0; i < sizeof loops / sizeof *loops; ++i) {
        eq_move_loop_inside(&move, loops[i].count, to_depth ? loops[i].space : loops[i].depth,
                            to_depth ? loops[i].depth : loops[i].space);
    }
    return eq_move_step(plan, op, &move, 1, op->inputs, op->outputs);
}

eq_status eq_prepare_space_to_depth(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, true);
}

eq_status eq_prepare_depth_to_space(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, false);
}

EQ_OPERATOR(DEPTH_TO_SPACE, eq_prepare_depth_to_space, ANY);
EQ_OPERATOR(SPACE_TO_DEPTH, eq_prepare_space_to_depth, ANY);
