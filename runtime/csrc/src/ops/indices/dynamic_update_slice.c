/* DYNAMIC_UPDATE_SLICE: a tensor in which a smaller one takes the place that indices name, moved so that it fits. */
#include <string.h>

#include "ops/move/indices.h"
#include "ops/arguments.h"
#include "plan/empty.h"
#include "plan/operator.h"

enum { OPERAND, UPDATE, START };

typedef struct eq_update {
    int32_t rank;
    int32_t dims[EQ_MAX_RANK], update[EQ_MAX_RANK];
    size_t element, bytes; /* of a value, and of the whole */
    eq_type indices;
} eq_update;

static void run_update(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_update *u = step->data;
    const uint8_t *update = storage[step->inputs[UPDATE].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    memcpy(out, storage[step->inputs[OPERAND].tensor].data, u->bytes);
    int64_t start = 0, rows = 1;
    for (int32_t i = 0; i < u->rank; ++i) {
        start = start * u->dims[i] +
                eq_index_clamped(u->indices, storage[step->inputs[START].tensor].data, i, u->dims[i] - u->update[i] + 1);
        rows *= i < u->rank - 1 ? u->update[i] : 1;
    }
    const size_t row = u->element * (size_t)(u->rank == 0 ? 1 : u->update[u->rank - 1]);
    for (int64_t r = 0; r < rows; ++r) {
        int64_t rest = r, offset = start, stride = u->rank == 0 ? 1 : u->dims[u->rank - 1];
        for (int32_t i = u->rank - 2; i >= 0; --i) {
            offset += rest % u->update[i] * stride;
            rest /= u->update[i];
            stride *= u->dims[i];
        }
        memcpy(out + (size_t)offset * u->element, update + (size_t)r * row, row);
    }
}

eq_status eq_prepare_dynamic_update_slice(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, OPERAND, 0)) != EQ_OK ||
        (status = eq_argument_same_type(plan, op, UPDATE, 0)) != EQ_OK ||
        (status = eq_check_index_type(plan, op, START)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, OPERAND), *update = eq_plan_input(plan, op, UPDATE);
    const eq_tensor *start = eq_plan_input(plan, op, START);
    bool fits = update->rank == in->rank && start->rank == 1 && start->dims[0] == in->rank;
    for (int32_t i = 0; fits && i < in->rank; ++i) {
        fits = update->dims[i] <= in->dims[i];
    }
    if (!fits) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL,
                            "needs an update no larger than its operand, and an index for each dimension");
    }
    if ((status = eq_plan_shape(plan, op, 0, in->rank, in->dims)) != EQ_OK) {
        return status;
    }
    if (eq_tensor_elements(in) == 0) {
        eq_plan_settle(plan, op, 0);
        return EQ_OK;
    }
    if (eq_tensor_elements(update) == 0) {
        return eq_plan_alias(plan, op, 0, OPERAND);
    }
    eq_step *step = eq_plan_step(plan, op, run_update, sizeof(eq_update), 3, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_update u = {.rank = in->rank, .element = (size_t)eq_type_size(in->type), .indices = start->type};
    memcpy(u.dims, in->dims, sizeof u.dims);
    memcpy(u.update, update->dims, sizeof u.update);
    u.bytes = (size_t)eq_tensor_elements(in) * u.element;
    *(eq_update *)step->data = u;
    for (int32_t slot = OPERAND; slot <= START; ++slot) {
        step->inputs[slot].tensor = op->inputs[slot];
    }
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)eq_tensor_elements(in) / 4;
    return EQ_OK;
}

EQ_OPERATOR(DYNAMIC_UPDATE_SLICE, eq_prepare_dynamic_update_slice, ANY);
