/* VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE, and CALL_ONCE of a graph that gives variables their initial values. */
#include "plan/variables.h"

#include <string.h>

#include "plan/copy.h"
#include "plan/operator.h"

/* Handles are names: READ_VARIABLE and ASSIGN_VARIABLE look for the operator that made theirs. */
eq_status eq_prepare_var_handle(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 0, 0, 0, 1);
    if (status == EQ_OK && !eq_is_variable_handle(op, eq_plan_output(plan, op, 0))) { /* others would read it as values */
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output must be of type RESOURCE");
    }
    return status;
}

static eq_status check_likeness(eq_plan *plan, const eq_operator *op, const eq_variable *variable, const eq_tensor *value) {
    const eq_tensor *kept = &plan->tensors[variable->tensor].tensor;
    if (kept->type != value->type || kept->file_type != value->file_type ||
        eq_tensor_elements(kept) != eq_tensor_elements(value)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its variable has another type or size elsewhere");
    }
    return EQ_OK;
}

eq_status eq_prepare_read_variable(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    const eq_variable *variable = eq_plan_variable(plan, op, plan->graph, op->inputs[0], out);
    if (!variable) {
        return (eq_status)plan->error->status;
    }
    const eq_tensor *kept = &plan->tensors[variable->tensor].tensor;
    const eq_tensor *shape = out->rank == 0 ? kept : out; /* files may leave the shape out */
    if ((status = eq_plan_shape(plan, op, 0, shape->rank, shape->dims)) != EQ_OK ||
        (status = check_likeness(plan, op, variable, out)) != EQ_OK) {
        return status;
    }
    return eq_plan_copy(plan, op, variable->tensor, op->outputs[0]);
}

eq_status eq_prepare_assign_variable(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 0);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *value = eq_plan_input(plan, op, 1);
    const eq_variable *variable = eq_plan_variable(plan, op, plan->graph, op->inputs[0], value);
    if (!variable) {
        return (eq_status)plan->error->status;
    }
    status = check_likeness(plan, op, variable, value);
    return status == EQ_OK ? eq_plan_copy(plan, op, op->inputs[1], variable->tensor) : status;
}

/* One operator of the graph that CALL_ONCE calls. */
static eq_status initialize(eq_plan *plan, const eq_operator *op, const eq_graph *graph, const eq_operator *inner) {
    if (inner->code == EQ_OP_VAR_HANDLE) {
        return EQ_OK;
    }
    const bool assigns =
        inner->code == EQ_OP_ASSIGN_VARIABLE && inner->input_count == 2 && inner->inputs[0] >= 0 && inner->inputs[1] >= 0;
    const eq_tensor *value = assigns ? &graph->tensors[inner->inputs[1]] : NULL;
    if (!value || !value->data || value->unsupported || eq_type_size(value->type) == 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                            "calls a graph that does more than assign constants to variables: %s", inner->name);
    }
    eq_variable *variable = eq_plan_variable(plan, op, graph, inner->inputs[0], value);
    if (!variable) {
        return (eq_status)plan->error->status;
    }
    variable->initial = value->data;
    return check_likeness(plan, op, variable, value);
}

eq_status eq_prepare_call_once(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 0, 0, 0, 0);
    const int32_t index = eq_option_int(op, 0, 0);
    if (status == EQ_OK && (index < 1 || index >= plan->model->graph_count)) {
        status = eq_plan_fail(plan, op, EQ_ERROR_MODEL, "calls graph %d of %d", (int)index, (int)plan->model->graph_count);
    }
    if (status != EQ_OK) {
        return status;
    }
    const eq_graph *graph = &plan->model->graphs[index];
    for (int32_t i = 0; i < graph->operator_count && status == EQ_OK; ++i) {
        status = initialize(plan, op, graph, &graph->operators[i]);
    }
    return status;
}

EQ_OPERATOR(CALL_ONCE, eq_prepare_call_once, ANY);
EQ_OPERATOR(VAR_HANDLE, eq_prepare_var_handle, ANY);
EQ_OPERATOR(READ_VARIABLE, eq_prepare_read_variable, ANY);
EQ_OPERATOR(ASSIGN_VARIABLE, eq_prepare_assign_variable, ANY);
EQ_OPERATOR_NOTE(CALL_ONCE, "a subgraph that sets variables to constants");
