#include "signal_step.h"

#include <string.h>

int32_t eq_signal_length(const eq_tensor *tensor) {
    return tensor->rank > 0 ? tensor->dims[tensor->rank - 1] : 1;
}

eq_status eq_signal_output(eq_plan *plan, const eq_operator *op, int32_t slot, eq_type type, int32_t last) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    int32_t dims[EQ_MAX_RANK];
    if (in->rank < 1 || eq_plan_output(plan, op, slot)->type != type) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs an input of one dimension or more, and an output of type %s",
                            eq_type_name(type));
    }
    memcpy(dims, in->dims, sizeof dims);
    dims[in->rank - 1] = last;
    return eq_plan_shape(plan, op, slot, in->rank, dims);
}

eq_step *eq_signal_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, const void *data, size_t bytes) {
    eq_step *step = eq_plan_step(plan, op, run, bytes, op->input_count, op->output_count);
    if (step) {
        memcpy(step->data, data, bytes);
        for (int32_t i = 0; i < op->input_count; ++i) {
            step->inputs[i].tensor = op->inputs[i];
        }
        for (int32_t i = 0; i < op->output_count; ++i) {
            step->outputs[i].tensor = op->outputs[i];
        }
        step->cost = (uint64_t)eq_tensor_elements(eq_plan_input(plan, op, 0));
    }
    return step;
}

eq_step *eq_signal_rows(eq_plan *plan, const eq_operator *op, eq_run_fn run, const void *data, size_t bytes) {
    eq_step *step = eq_signal_step(plan, op, run, data, bytes);
    if (step) {
        const eq_tensor *in = eq_plan_input(plan, op, 0);
        step->units = (int32_t)(eq_tensor_elements(in) / eq_signal_length(in));
    }
    return step;
}

eq_status eq_signal_keep(eq_plan *plan, const eq_operator *op, eq_step *step, eq_type type, int64_t count) {
    if (plan->is_body || eq_plan_input(plan, op, 0)->data) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                            "has a state, which is kept in the main graph alone, and for values "
                            "that are computed");
    }
    if (count > INT32_MAX) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has a state of more than 2^31 numbers");
    }
    const int32_t size = (int32_t)count;
    const int32_t state = eq_plan_temporary(plan, type, 1, &size);
    eq_use *outputs = state < 0 ? NULL : eq_plan_take(plan, ((size_t)step->output_count + 1) * sizeof *outputs);
    if (!outputs) {
        return (eq_status)plan->error->status;
    }
    plan->tensors[state].tensor.is_variable = true;
    memcpy(outputs, step->outputs, (size_t)step->output_count * sizeof *outputs);
    outputs[step->output_count] = (eq_use){.tensor = state};
    step->outputs = outputs;
    step->output_count += 1;
    return EQ_OK;
}

eq_status eq_signal_status(const eq_plan *plan, const eq_step *step) {
    return step ? EQ_OK : (eq_status)plan->error->status;
}
