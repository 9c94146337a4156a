/* FILL, ONE_HOT: one value again and again. ZEROS_LIKE: zeros. */
#include <string.h>

#include "ops/move/move.h"
#include "ops/arguments.h"
#include "plan/operator.h"

eq_status eq_prepare_fill(eq_plan *plan, const eq_operator *op) {
    int32_t dims[EQ_MAX_RANK], rank = 0;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 1, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 0, dims, EQ_MAX_RANK, &rank)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 0, rank, dims)) != EQ_OK) {
        return status;
    }
    const eq_tensor *value = eq_plan_input(plan, op, 1), *out = eq_plan_output(plan, op, 0);
    if (eq_tensor_elements(value) != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its value is a tensor of several");
    }
    eq_move move = eq_move_of(out, 0, 0);
    for (int32_t i = 0; i < rank; ++i) {
        eq_move_loop_inside(&move, dims[i], (eq_place){0}, eq_place_along(out, i, 1));
    }
    return eq_move_step(plan, op, &move, 1, &op->inputs[1], op->outputs);
}

/* ---- ONE_HOT: (outer, inner) indices to (outer, depth, inner) ---- */

typedef struct eq_one_hot {
    int32_t depth, inner;
    size_t element; /* bytes */
    bool wide;      /* int64 indices */
} eq_one_hot;

static void run_one_hot(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_one_hot *hot = step->data;
    const void *indices = storage[step->inputs[0].tensor].data;
    const uint8_t *on = storage[step->inputs[1].tensor].data, *off = storage[step->inputs[2].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    out += (size_t)first * (size_t)hot->depth * (size_t)hot->inner * hot->element;
    for (int32_t unit = first; unit < last; ++unit) {
        for (int32_t place = 0; place < hot->depth; ++place) {
            for (int32_t i = 0; i < hot->inner; ++i, out += hot->element) {
                const int64_t at = (int64_t)unit * hot->inner + i;
                const int32_t index =
                    hot->wide ? (int32_t)(uint64_t)((const int64_t *)indices)[at] : ((const int32_t *)indices)[at];
                memcpy(out, index == place ? on : off, hot->element);
            }
        }
    }
}

eq_status eq_prepare_one_hot(eq_plan *plan, const eq_operator *op) {
    int32_t depth = 0, axis = eq_option_int(op, 0, 0);
    eq_status status = eq_plan_arity(plan, op, 4, 4, 0, 1);
    if (status != EQ_OK || (status = eq_argument_int(plan, op, 1, &depth)) != EQ_OK ||
        (status = eq_argument_same_type(plan, op, 2, 0)) != EQ_OK ||
        (status = eq_argument_same_type(plan, op, 3, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *indices = eq_plan_input(plan, op, 0), *on = eq_plan_input(plan, op, 2), *off = eq_plan_input(plan, op, 3);
    axis = axis == -1 ? indices->rank : axis;
    if ((indices->type != EQ_INT32 && indices->type != EQ_INT64) || eq_tensor_elements(on) != 1 ||
        eq_tensor_elements(off) != 1 || axis < 0 || axis > indices->rank || indices->rank >= EQ_MAX_RANK) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL,
                            "its inputs are not indices, a depth and two values, or its axis is none");
    }
    int32_t dims[EQ_MAX_RANK], units = 1, inner = 1;
    for (int32_t i = 0; i <= indices->rank; ++i) {
        dims[i] = i < axis ? indices->dims[i] : i == axis ? depth : indices->dims[i - 1];
        units *= i < axis ? dims[i] : 1;
        inner *= i > axis ? dims[i] : 1;
    }
    if ((status = eq_plan_shape(plan, op, 0, indices->rank + 1, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_one_hot, sizeof(eq_one_hot), 3, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_one_hot *)step->data = (eq_one_hot){depth, inner, (size_t)eq_type_size(on->type), indices->type == EQ_INT64};
    step->inputs[0].tensor = op->inputs[0];
    step->inputs[1].tensor = op->inputs[2];
    step->inputs[2].tensor = op->inputs[3];
    step->outputs[0].tensor = op->outputs[0];
    step->units = units;
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0));
    return EQ_OK;
}

/* ---- ZEROS_LIKE ---- */

eq_status eq_prepare_zeros_like(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->type != EQ_FLOAT32 && in->type != EQ_INT32 && in->type != EQ_INT64) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(in->type));
    }
    if ((status = eq_plan_shape(plan, op, 0, in->rank, in->dims)) != EQ_OK) {
        return status;
    }
    const void *zeros = eq_plan_take(plan, (size_t)eq_tensor_elements(in) * (size_t)eq_type_size(in->type));
    if (!zeros) {
        return (eq_status)plan->error->status;
    }
    eq_plan_constant(plan, op->outputs[0], zeros);
    return EQ_OK;
}

EQ_OPERATOR(FILL, eq_prepare_fill, ANY);
EQ_OPERATOR(ONE_HOT, eq_prepare_one_hot, ANY);
EQ_OPERATOR(ZEROS_LIKE, eq_prepare_zeros_like, ANY);
EQ_OPERATOR_NOTE(FILL, "the shape must be known when a session opens");
EQ_OPERATOR_NOTE(ONE_HOT, "the depth must be known when a session opens");
