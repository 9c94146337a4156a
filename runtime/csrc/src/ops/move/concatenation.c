/* CONCATENATION and PACK: inputs next to each other along an axis. */
#include <math.h>

#include "base/built_in.h"
#include "arithmetic/arithmetic.h"
#include "base/memory.h"
#include "ops/arguments.h"
#include "ops/elementwise/lookup.h"
#include "list.h"
#include "move.h"
#include "plan/operator.h"
#include "ops/quantization.h"

/* ---- inputs with another scale than the output ---- */

/* LiteRT's ConcatenationWithScaling, which it has for uint8 only: there, zero points are 128 more. */
static void fill_table(const eq_tensor *in, const eq_tensor *out, int8_t table[256]) {
    const float scale = in->scales[0] * (1.0f / out->scales[0]);
    const float bias = (float)-(in->zero_points[0] + 128) * scale;
    for (int32_t value = 0; value < 256; ++value) {
        float x = roundf((float)value * scale + bias);
        x = fminf(fmaxf(x, -1024.0f), 1024.0f);
        table[value] = (int8_t)eq_clamp((int32_t)x + out->zero_points[0], -128, 127);
    }
}

/* The tensor to concatenate for an input: itself, or a temporary with the output's scale. */
static eq_status rescaled(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t *tensor) {
    const eq_tensor *in = eq_plan_input(plan, op, slot), *out = eq_plan_output(plan, op, 0);
    *tensor = op->inputs[slot];
    if (in->type != EQ_INT8 || in->scale_count == 0 || out->scale_count == 0 ||
        (in->scales[0] == out->scales[0] && in->zero_points[0] == out->zero_points[0])) {
        return EQ_OK;
    }
    eq_status status;
    if ((status = eq_check_int8(plan, op, in, "each input")) != EQ_OK ||
        (status = eq_check_int8(plan, op, out, "the output")) != EQ_OK) {
        return status;
    }
    if ((*tensor = eq_plan_temporary(plan, EQ_INT8, in->rank, in->dims)) < 0) {
        return (eq_status)plan->error->status;
    }
    int8_t table[256];
    fill_table(in, out, table);
    return eq_lookup_between(plan, op, op->inputs[slot], *tensor, table);
}

/* ---- the operators ---- */

static eq_status check_concatenation(eq_plan *plan, const eq_operator *op, int32_t axis, int32_t *dims) {
    const eq_tensor *first = eq_plan_input(plan, op, 0);
    int64_t length = 0;
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *in = eq_plan_input(plan, op, slot);
        eq_status status = eq_argument_same_type(plan, op, slot, 0);
        if (status != EQ_OK) {
            return status;
        }
        for (int32_t i = 0; i < first->rank; ++i) {
            if (in->rank != first->rank || (i != axis && in->dims[i] != first->dims[i])) {
                return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input %d does not fit the others", (int)slot);
            }
            dims[i] = first->dims[i];
        }
        length += in->dims[axis];
    }
    dims[axis] = length > INT32_MAX ? 0 : (int32_t)length;
    return eq_plan_shape(plan, op, 0, first->rank, dims);
}

eq_status eq_prepare_concatenation(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, INT32_MAX, 0, 1);
    int32_t axis = 0, dims[EQ_MAX_RANK];
    if (status != EQ_OK ||
        (status = eq_argument_axis(plan, op, eq_option_int(op, 0, 0), eq_plan_input(plan, op, 0)->rank, &axis)) != EQ_OK) {
        return status;
    }
    if (EQ_HAS_CONTROL && eq_list_has_parts(plan, op)) {
        return eq_list_update(plan, op, axis);
    }
    if ((status = check_concatenation(plan, op, axis, dims)) != EQ_OK) {
        return status;
    }
    if (eq_option_byte(op, 1, 0) != EQ_ACTIVATION_NONE) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "a fused activation is not supported");
    }
    eq_move *moves = eq_plan_take(plan, eq_size_times((size_t)op->input_count, sizeof *moves));
    int32_t *sources = eq_plan_take(plan, eq_size_times((size_t)op->input_count, sizeof *sources));
    if (!moves || !sources) {
        return (eq_status)plan->error->status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    int32_t position = 0;
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        if ((status = rescaled(plan, op, slot, &sources[slot])) != EQ_OK) {
            return status;
        }
        const eq_tensor *in = eq_plan_input(plan, op, slot);
        moves[slot] = eq_move_of(in, slot, 0);
        moves[slot].out = eq_place_along(out, axis, position);
        for (int32_t i = 0; i < in->rank; ++i) {
            eq_move_loop_inside(&moves[slot], in->dims[i], eq_place_along(in, i, 1), eq_place_along(out, i, 1));
        }
        position += in->dims[axis];
    }
    return eq_move_step(plan, op, moves, op->input_count, sources, op->outputs);
}

eq_status eq_prepare_pack(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, INT32_MAX, 0, 1);
    int32_t axis = 0, dims[EQ_MAX_RANK + 1];
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *first = eq_plan_input(plan, op, 0);
    if ((status = eq_argument_axis(plan, op, eq_option_int(op, 1, 0), first->rank + 1, &axis)) != EQ_OK) {
        return status;
    }
    for (int32_t i = 0; i <= first->rank; ++i) {
        dims[i] = i < axis ? first->dims[i] : i == axis ? op->input_count : first->dims[i - 1];
    }
    eq_move *moves = eq_plan_take(plan, eq_size_times((size_t)op->input_count, sizeof *moves));
    if (!moves) {
        return (eq_status)plan->error->status;
    }
    if ((status = eq_plan_shape(plan, op, 0, first->rank + 1, dims)) != EQ_OK) {
        return status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *in = eq_plan_input(plan, op, slot);
        if ((status = eq_argument_same_type(plan, op, slot, 0)) != EQ_OK) {
            return status;
        }
        moves[slot] = eq_move_of(in, slot, 0);
        moves[slot].out = eq_place_along(out, axis, slot);
        for (int32_t i = 0; i < first->rank; ++i) {
            if (in->rank != first->rank || in->dims[i] != first->dims[i]) {
                return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input %d has another shape than the others", (int)slot);
            }
            eq_move_loop_inside(&moves[slot], in->dims[i], eq_place_along(in, i, 1),
                                eq_place_along(out, i < axis ? i : i + 1, 1));
        }
    }
    return eq_move_step(plan, op, moves, op->input_count, op->inputs, op->outputs);
}

EQ_OPERATOR(CONCATENATION, eq_prepare_concatenation, ANY);
EQ_OPERATOR(PACK, eq_prepare_pack, ANY);
EQ_OPERATOR_NOTE(CONCATENATION, "inputs of other scales are requantized; no fused activation");
