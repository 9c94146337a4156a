/* Copies from and to variables that nobody would miss: the tensor on the other side has the variable's memory instead. A streaming
 * layer reads its state, joins it with what is new, and assigns what is to be kept, which took longer than its products. */
#include <string.h>

#include "copy.h"
#include "plan.h"

static bool has(const eq_plan *plan, const eq_use *uses, int32_t count, int32_t tensor) {
    bool found = false;
    for (int32_t i = 0; i < count; ++i) {
        found |= uses[i].tensor >= 0 && eq_plan_root(plan, uses[i].tensor) == tensor;
    }
    return found;
}

/* The first step from `first` on that reads the tensor, or that writes it; step_count: none. */
static int32_t next_use(const eq_plan *plan, int32_t tensor, int32_t first, bool writes) {
    for (; first < plan->step_count; ++first) {
        const eq_step *step = plan->steps[first];
        if (has(plan, writes ? step->outputs : step->inputs, writes ? step->output_count : step->input_count, tensor)) {
            break;
        }
    }
    return first;
}

static bool is_output(const eq_plan *plan, int32_t tensor) {
    bool found = false;
    for (int32_t i = 0; i < plan->graph->output_count; ++i) {
        found |= eq_plan_root(plan, plan->outputs[i]) == tensor;
    }
    return found;
}

/* Whether the step `copy` may go if `tensor`, its other side, has the variable's memory: what is read of either is the same then. Inputs
 * and constants, which no step makes, may not. */
static bool may_share(const eq_plan *plan, int32_t copy, int32_t variable, int32_t tensor, bool assigns) {
    const int32_t never = plan->step_count, made = next_use(plan, tensor, 0, true);
    const int32_t changed = next_use(plan, variable, copy + 1, true);
    return !plan->tensors[tensor].tensor.is_variable && !is_output(plan, tensor) && made <= copy &&
           next_use(plan, tensor, copy + 1, true) == never && next_use(plan, tensor, changed, false) == never &&
           (assigns ? next_use(plan, variable, made, false) >= copy && next_use(plan, variable, made, true) == copy
                    : made == copy);
}

/* Give the other side of the step the variable's memory, if it is such a copy and may go. */
static bool share(eq_plan *plan, int32_t s) {
    const eq_step *step = plan->steps[s];
    if (!eq_plan_is_copy(step)) {
        return false;
    }
    const int32_t from = eq_plan_root(plan, step->inputs[0].tensor), to = step->outputs[0].tensor;
    const bool assigns = plan->tensors[to].tensor.is_variable;
    const int32_t variable = assigns ? to : from, tensor = assigns ? from : to;
    if (!plan->tensors[variable].tensor.is_variable || !may_share(plan, s, variable, tensor, assigns)) {
        return false;
    }
    plan->tensors[tensor].alias = variable;
    return true;
}

void eq_plan_share_variables(eq_plan *plan) {
    for (int32_t s = 0; s < plan->step_count;) {
        if (share(plan, s)) {
            --plan->step_count;
            memmove(plan->steps + s, plan->steps + s + 1, (size_t)(plan->step_count - s) * sizeof *plan->steps);
        } else {
            ++s;
        }
    }
}
