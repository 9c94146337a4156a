/* Operators whose inputs are all constants run when the plan is made. */
#include "base/memory.h"
#include "pass.h"

/* Whether the steps from `first` on can run now: they read constants only, and no padding or slack around them. */
static bool can_fold(const eq_plan *plan, const eq_operator *op, int32_t first) {
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        if (tensor && (!tensor->data || tensor->is_variable)) {
            return false;
        }
    }
    for (int32_t s = first; s < plan->step_count; ++s) {
        for (int32_t i = 0; i < plan->steps[s]->input_count; ++i) {
            if (plan->steps[s]->inputs[i].rows) {
                return false;
            }
        }
    }
    return op->input_count > 0 && plan->step_count > first;
}

static void place_constant(const eq_plan *plan, int32_t tensor, eq_storage *storage) {
    if (tensor >= 0) {
        /* The storage of a constant that is not the step's output is only read. */
        storage[tensor] = eq_plan_storage(&plan->tensors[tensor], (void *)(uintptr_t)plan->tensors[tensor].tensor.data);
    }
}

/* Run the steps from `first` on now, and make what they write constant. `storage` has room for every tensor's. */
static eq_status run_now(eq_plan *plan, int32_t first, eq_storage *storage) {
    for (int32_t s = first; s < plan->step_count; ++s) {
        const eq_step *step = plan->steps[s];
        for (int32_t i = 0; i < step->input_count; ++i) {
            place_constant(plan, step->inputs[i].tensor, storage);
        }
        for (int32_t i = 0; i < step->output_count; ++i) {
            eq_plan_tensor *output = &plan->tensors[step->outputs[i].tensor];
            if (!output->tensor.data) {
                uint8_t *memory = eq_plan_take(plan, eq_plan_tensor_bytes(output) + 2 * EQ_SLACK);
                if (!memory) {
                    return (eq_status)plan->error->status;
                }
                output->tensor.data = memory + EQ_SLACK;
            }
            place_constant(plan, step->outputs[i].tensor, storage);
        }
        void *scratch = eq_plan_take(plan, step->scratch);
        if (!scratch) {
            return (eq_status)plan->error->status;
        }
        step->run(step, storage, 0, step->units, scratch);
    }
    plan->step_count = first;
    return EQ_OK;
}

eq_status eq_plan_fold(eq_plan *plan, const eq_operator *op, int32_t first) {
    if (!can_fold(plan, op, first)) {
        return EQ_OK;
    }
    eq_memory_block *memory = NULL; /* not the plan's: a model may have a thousand of these, each the size of its tensors */
    eq_storage *storage = eq_memory_take(&memory, eq_size_times((size_t)plan->tensor_count, sizeof *storage));
    if (!storage) {
        return eq_fail(plan->error, EQ_ERROR_MEMORY, "the system gave no memory to compute constants");
    }
    eq_status status = run_now(plan, first, storage);
    eq_memory_free(&memory);
    return status;
}
