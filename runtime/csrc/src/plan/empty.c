#include "empty.h"

#include <string.h>

#include "base/memory.h"
#include "of_nothing.h"
#include "pass.h"

enum { TRIALS = 2 };

/* The values of tensors that are known when the plan is made, and have none. */
static const _Alignas(64) uint8_t no_values[3 * EQ_SLACK];

/* Operators that take tensors of no elements as others, and give them. */
static bool takes_empty(const eq_operator *op) {
    switch (op->code) {
    case EQ_OP_RESHAPE:
    case EQ_OP_SHAPE:
    case EQ_OP_RANK:
    case EQ_OP_DYNAMIC_UPDATE_SLICE:
    case EQ_OP_SPLIT:
    case EQ_OP_SPLIT_V:
    case EQ_OP_IF:
    case EQ_OP_WHILE:
    case EQ_OP_STABLEHLO_COMPOSITE:
        return true;
    default:
        return false;
    }
}

static bool is_empty(const eq_tensor *tensor) {
    return tensor && eq_tensor_elements(tensor) == 0;
}

static bool has_empty_input(const eq_plan *plan, const eq_operator *op) {
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        if (is_empty(eq_plan_input(plan, op, slot))) {
            return true;
        }
    }
    return false;
}

static bool has_constant_inputs(const eq_plan *plan, const eq_operator *op) {
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        if (tensor && (!tensor->data || tensor->is_variable)) {
            return false;
        }
    }
    return true;
}

void eq_plan_settle(eq_plan *plan, const eq_operator *op, int32_t slot) {
    eq_plan_tensor *output = &plan->tensors[op->outputs[slot]];
    output->alias = output->pad_source = -1;
    output->tensor.data = has_constant_inputs(plan, op) ? no_values + EQ_SLACK : NULL;
}

/* ---- outputs of no elements, from inputs that have some ---- */

static eq_status give_empty(eq_plan *plan, const eq_operator *op, int32_t first_step, int32_t tensor_count) {
    if (op->output_count != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives several tensors, and one of no elements");
    }
    plan->step_count = first_step;
    plan->tensor_count = tensor_count;
    eq_plan_settle(plan, op, 0);
    return EQ_OK;
}

/* ---- inputs of no elements: what shapes would the outputs have if dimensions of 0 were 1, and if they were 2? ----
 *
 * Those of every operator are sums of multiples of its inputs', as long as these are small: so the difference tells what 0 gives. */

static eq_status fill_in(eq_plan *plan, const eq_operator *op, const eq_tensor *as_they_are, int32_t size) {
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        if (!is_empty(op->inputs[slot] < 0 ? NULL : &as_they_are[slot])) {
            continue;
        }
        eq_tensor *tensor = &plan->tensors[op->inputs[slot]].tensor;
        tensor->data = NULL;
        for (int32_t d = 0; d < tensor->rank; ++d) {
            tensor->dims[d] = as_they_are[slot].dims[d] == 0 ? size : as_they_are[slot].dims[d];
        }
        if (eq_plan_dense_bytes(tensor->type, tensor->rank, tensor->dims) > plan->model->memory_limit) {
            return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has a tensor of no elements, whose other dimensions are too large");
        }
    }
    return EQ_OK;
}

static void restore(eq_plan *plan, const eq_operator *op, const eq_tensor *as_they_are) {
    for (int32_t slot = op->input_count - 1; slot >= 0; --slot) {
        if (op->inputs[slot] >= 0) {
            plan->tensors[op->inputs[slot]].tensor = as_they_are[slot];
        }
    }
}

/* Prepare with every dimension of 0 as `size`, and keep nothing of it but the outputs' shapes. */
static eq_status try_size(eq_plan *plan, const eq_operator *op, const eq_operator_row *row, const eq_tensor *inputs,
                          int32_t size, eq_shape *shapes) {
    const int32_t first_step = plan->step_count, tensor_count = plan->tensor_count;
    eq_status status = fill_in(plan, op, inputs, size);
    if (status == EQ_OK) {
        status = eq_operator_prepare(row, plan, op);
    }
    restore(plan, op, inputs);
    plan->step_count = first_step;
    plan->tensor_count = tensor_count;
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        const eq_tensor *output = eq_plan_output(plan, op, slot);
        shapes[slot].rank = output->rank;
        memcpy(shapes[slot].dims, output->dims, sizeof output->dims);
        eq_plan_settle(plan, op, slot);
    }
    return status == EQ_PLAN_EMPTY ? EQ_OK : status;
}

static eq_status extrapolate(eq_plan *plan, const eq_operator *op, int32_t slot, const eq_shape *one, const eq_shape *two) {
    eq_tensor *output = &plan->tensors[op->outputs[slot]].tensor;
    bool fits = one->rank == two->rank, empty = false;
    output->rank = one->rank;
    for (int32_t d = 0; fits && d < one->rank; ++d) {
        const int64_t none = 2 * (int64_t)one->dims[d] - two->dims[d];
        fits = none >= 0 && none <= one->dims[d];
        output->dims[d] = fits ? (int32_t)none : 0;
        empty = empty || none == 0;
    }
    if (!fits) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has an input of no elements, and an output of no certain shape");
    }
    return empty ? EQ_OK : eq_plan_of_nothing(plan, op, slot);
}

static eq_status take_empty(eq_plan *plan, const eq_operator *op, const eq_operator_row *row) {
    const size_t outputs = (size_t)op->output_count;
    eq_tensor *inputs = eq_plan_take(plan, eq_size_times((size_t)op->input_count, sizeof *inputs));
    eq_shape *shapes = eq_plan_take(plan, eq_size_times(TRIALS * outputs, sizeof *shapes));
    if (!inputs || !shapes) {
        return (eq_status)plan->error->status;
    }
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        if (op->inputs[slot] >= 0) {
            inputs[slot] = plan->tensors[op->inputs[slot]].tensor;
        }
    }
    eq_status status = EQ_OK;
    for (int32_t trial = 0; status == EQ_OK && trial < TRIALS; ++trial) {
        status = try_size(plan, op, row, inputs, trial + 1, shapes + (size_t)trial * outputs);
    }
    for (int32_t slot = 0; status == EQ_OK && slot < op->output_count; ++slot) {
        status = extrapolate(plan, op, slot, &shapes[slot], &shapes[outputs + (size_t)slot]);
    }
    return status;
}

/* CONCATENATION of the inputs that have elements, if there are any. */
static const eq_operator *without_empty(eq_plan *plan, const eq_operator *op) {
    eq_operator *rest = eq_plan_take(plan, sizeof *rest);
    int32_t *inputs = eq_plan_take(plan, eq_size_times((size_t)op->input_count, sizeof *inputs));
    if (!rest || !inputs) {
        return NULL;
    }
    *rest = *op;
    rest->inputs = inputs;
    rest->input_count = 0;
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        if (!is_empty(eq_plan_input(plan, op, slot))) {
            inputs[rest->input_count++] = op->inputs[slot];
        }
    }
    return rest->input_count > 0 ? rest : op;
}

eq_status eq_plan_prepare(eq_plan *plan, const eq_operator *op, const eq_operator_row *row) {
    const int32_t first_step = plan->step_count, tensor_count = plan->tensor_count;
    if (takes_empty(op)) {
        plan->takes_empty = true;
        const eq_status status = eq_operator_prepare(row, plan, op);
        plan->takes_empty = false;
        return status;
    }
    if (op->code == EQ_OP_CONCATENATION && has_empty_input(plan, op) && !(op = without_empty(plan, op))) {
        return (eq_status)plan->error->status;
    }
    if (has_empty_input(plan, op)) {
        return op->code == EQ_OP_CUSTOM ? eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a tensor of no elements")
                                        : take_empty(plan, op, row);
    }
    const eq_status status = eq_operator_prepare(row, plan, op);
    return status == EQ_PLAN_EMPTY ? give_empty(plan, op, first_step, tensor_count) : status;
}
