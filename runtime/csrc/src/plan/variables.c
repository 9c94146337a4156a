/* The variables of streaming models. */
#include "variables.h"

#include <string.h>

#include "read/operator_codes.h"

enum { TYPE_RESOURCE = 13 };
enum { OPTION_CONTAINER, OPTION_SHARED_NAME };

bool eq_is_variable_handle(const eq_operator *op, const eq_tensor *tensor) {
    return (int32_t)tensor->type == TYPE_RESOURCE && op->code >= EQ_OP_VAR_HANDLE && op->code <= EQ_OP_ASSIGN_VARIABLE;
}

static bool same_text(const eq_vector *a, const eq_vector *b) {
    return a->count == b->count && (a->count == 0 || memcmp(a->items, b->items, a->count) == 0);
}

/* The VAR_HANDLE that makes a handle, or NULL. */
static const eq_operator *maker_of(const eq_graph *graph, int32_t handle) {
    for (int32_t i = 0; i < graph->operator_count; ++i) {
        const eq_operator *op = &graph->operators[i];
        if (op->code == EQ_OP_VAR_HANDLE && op->output_count == 1 && op->outputs[0] == handle) {
            return op;
        }
    }
    return NULL;
}

static int32_t add_tensor(eq_plan *plan, const eq_tensor *like) {
    const int32_t index = eq_plan_temporary(plan, like->type, like->rank, like->dims);
    if (index >= 0) {
        eq_tensor *tensor = &plan->tensors[index].tensor;
        *tensor = *like;
        tensor->data = NULL;
        tensor->is_variable = true;
    }
    return index;
}

eq_variable *eq_plan_variable(eq_plan *plan, const eq_operator *op, const eq_graph *graph, int32_t handle,
                              const eq_tensor *like) {
    if (plan->is_body) {
        eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "is in a graph that another runs: only the main graph has variables");
        return NULL;
    }
    const eq_operator *maker = maker_of(graph, handle);
    eq_vector container, name;
    if (!maker || !eq_table_string(&maker->options, OPTION_CONTAINER, &container) ||
        !eq_table_string(&maker->options, OPTION_SHARED_NAME, &name)) {
        eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its variable has no name");
        return NULL;
    }
    for (eq_variable *variable = plan->variables; variable; variable = variable->next) {
        if (same_text(&variable->container, &container) && same_text(&variable->name, &name)) {
            return variable;
        }
    }
    eq_variable *variable = eq_plan_take(plan, sizeof *variable);
    const int32_t tensor = variable ? add_tensor(plan, like) : -1;
    if (tensor < 0) {
        return NULL;
    }
    *variable = (eq_variable){.container = container, .name = name, .tensor = tensor, .next = plan->variables};
    plan->variables = variable;
    return variable;
}

void eq_plan_reset_variables(eq_plan *plan, const eq_storage *storage, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        const eq_tensor *tensor = &plan->tensors[i].tensor;
        if (tensor->is_variable && storage[i].data) {
            const bool has_zero_point = tensor->type == EQ_INT8 && tensor->scale_count == 1;
            /* As in LiteRT: a file's uint8 begin at 0, whatever their zero point is. */
            const int32_t zero = tensor->file_type == EQ_UINT8 ? INT8_MIN : has_zero_point ? tensor->zero_points[0] : 0;
            memset(storage[i].data, zero, eq_plan_tensor_bytes(&plan->tensors[i]));
        }
    }
    for (const eq_variable *variable = plan->variables; variable; variable = variable->next) {
        if (variable->initial && variable->tensor < count && storage[variable->tensor].data) {
            memcpy(storage[variable->tensor].data, variable->initial, eq_plan_tensor_bytes(&plan->tensors[variable->tensor]));
        }
    }
}
