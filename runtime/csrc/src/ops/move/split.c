/* SPLIT, SPLIT_V and UNPACK: an input cut to pieces along an axis. */
#include "base/memory.h"
#include "ops/arguments.h"
#include "move.h"
#include "plan/empty.h"
#include "plan/operator.h"

/* Cut input `slot`; the outputs get sizes[i] elements of the axis each. */
static eq_status cut(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t axis, const int32_t *sizes) {
    eq_move *moves = eq_plan_take(plan, eq_size_times((size_t)op->output_count, sizeof *moves));
    int32_t *outputs = eq_plan_take(plan, eq_size_times((size_t)op->output_count, sizeof *outputs));
    if (!moves || !outputs) {
        return (eq_status)plan->error->status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, slot);
    int32_t position = 0, count = 0;
    for (int32_t i = 0; i < op->output_count; ++i) {
        int32_t dims[EQ_MAX_RANK];
        for (int32_t d = 0; d < in->rank; ++d) {
            dims[d] = d == axis ? sizes[i] : in->dims[d];
        }
        eq_status status;
        if ((status = eq_argument_same_type(plan, op, slot, i)) != EQ_OK ||
            (status = eq_argument_same_quantization(plan, op, slot, i)) != EQ_OK ||
            (status = eq_plan_shape(plan, op, i, in->rank, dims)) != EQ_OK) {
            return status;
        }
        const eq_tensor *out = eq_plan_output(plan, op, i);
        if (eq_tensor_elements(out) == 0) {
            eq_plan_settle(plan, op, i);
            continue;
        }
        eq_move *move = &moves[count];
        *move = eq_move_of(in, slot, count);
        move->in = eq_place_along(in, axis, position);
        for (int32_t d = 0; d < in->rank; ++d) {
            eq_move_loop_inside(move, dims[d], eq_place_along(in, d, 1), eq_place_along(out, d, 1));
        }
        outputs[count++] = op->outputs[i];
        position += sizes[i];
    }
    return count == 0 ? EQ_OK : eq_move_step(plan, op, moves, count, op->inputs, outputs);
}

/* An operator with any number of outputs, and memory for a size of each. */
static int32_t *take_sizes(eq_plan *plan, const eq_operator *op, int32_t inputs, eq_status *status) {
    *status = eq_plan_arity(plan, op, inputs, inputs, 0, op->output_count);
    if (*status == EQ_OK && op->output_count < 1) {
        *status = eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has no outputs");
    }
    if (*status != EQ_OK) {
        return NULL;
    }
    int32_t *sizes = eq_plan_take(plan, eq_size_times((size_t)op->output_count, sizeof *sizes));
    if (!sizes) {
        *status = (eq_status)plan->error->status;
    }
    return sizes;
}

static eq_status read_axis(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t rank, int32_t *axis) {
    eq_status status = eq_argument_int(plan, op, slot, axis);
    return status == EQ_OK ? eq_argument_axis(plan, op, *axis, rank, axis) : status;
}

eq_status eq_prepare_split(eq_plan *plan, const eq_operator *op) {
    eq_status status;
    int32_t axis = 0, *sizes = take_sizes(plan, op, 2, &status);
    if (!sizes || (status = read_axis(plan, op, 0, eq_plan_input(plan, op, 1)->rank, &axis)) != EQ_OK) {
        return status;
    }
    const int32_t length = eq_plan_input(plan, op, 1)->dims[axis];
    if (length % op->output_count != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "cannot split %d elements evenly in %d", (int)length,
                            (int)op->output_count);
    }
    for (int32_t i = 0; i < op->output_count; ++i) {
        sizes[i] = length / op->output_count;
    }
    return cut(plan, op, 1, axis, sizes);
}

eq_status eq_prepare_split_v(eq_plan *plan, const eq_operator *op) {
    eq_status status;
    int32_t axis = 0, count = 0, *sizes = take_sizes(plan, op, 3, &status);
    if (!sizes || (status = read_axis(plan, op, 2, eq_plan_input(plan, op, 0)->rank, &axis)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 1, sizes, op->output_count, &count)) != EQ_OK) {
        return status;
    }
    const int32_t length = eq_plan_input(plan, op, 0)->dims[axis];
    int64_t total = 0;
    int32_t rest = -1; /* the output that gets what is left */
    for (int32_t i = 0; i < count; ++i) {
        if (sizes[i] == -1 && rest < 0) {
            rest = i;
        } else if (sizes[i] < 0) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "gives output %d %d elements", (int)i, (int)sizes[i]);
        } else {
            total += sizes[i];
        }
    }
    if (rest >= 0 && total <= length) {
        sizes[rest] = (int32_t)(length - total);
        total = length;
    }
    if (count != op->output_count || total != length) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its sizes do not add up to %d elements", (int)length);
    }
    return cut(plan, op, 0, axis, sizes);
}

eq_status eq_prepare_unpack(eq_plan *plan, const eq_operator *op) {
    int32_t axis = 0;
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, op->output_count);
    if (status != EQ_OK ||
        (status = eq_argument_axis(plan, op, eq_option_int(op, 1, 0), eq_plan_input(plan, op, 0)->rank, &axis)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->dims[axis] != op->output_count) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has %d outputs for %d elements", (int)op->output_count,
                            (int)in->dims[axis]);
    }
    eq_move *moves = eq_plan_take(plan, eq_size_times((size_t)op->output_count, sizeof *moves));
    if (!moves) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < op->output_count; ++i) {
        int32_t dims[EQ_MAX_RANK], rank = 0;
        for (int32_t d = 0; d < in->rank; ++d) {
            if (d != axis) {
                dims[rank++] = in->dims[d];
            }
        }
        if ((status = eq_argument_same_type(plan, op, 0, i)) != EQ_OK ||
            (status = eq_plan_shape(plan, op, i, rank, dims)) != EQ_OK) {
            return status;
        }
        const eq_tensor *out = eq_plan_output(plan, op, i);
        moves[i] = eq_move_of(in, 0, i);
        moves[i].in = eq_place_along(in, axis, i);
        for (int32_t d = 0; d < rank; ++d) {
            eq_move_loop_inside(&moves[i], dims[d], eq_place_along(in, d < axis ? d : d + 1, 1), eq_place_along(out, d, 1));
        }
    }
    return eq_move_step(plan, op, moves, op->output_count, op->inputs, op->outputs);
}

EQ_OPERATOR(SPLIT, eq_prepare_split, ANY);
EQ_OPERATOR(UNPACK, eq_prepare_unpack, ANY);
EQ_OPERATOR(SPLIT_V, eq_prepare_split_v, ANY);
