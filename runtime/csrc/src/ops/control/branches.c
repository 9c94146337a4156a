/* IF: one of two graphs, by a condition. STABLEHLO_COMPOSITE: the graph that says what it does in other operators. */
#include "plan/body.h"
#include "plan/operator.h"

#include <string.h>

typedef struct eq_branches {
    int32_t count;
    eq_body bodies[2]; /* if the condition holds, and else */
} eq_branches;

static void run_branches(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last;
    const eq_branches *b = step->data;
    const bool chosen = b->count == 2 && *(const uint8_t *)storage[step->inputs[0].tensor].data == 0;
    const eq_body *body = &b->bodies[chosen];
    eq_body_place(body, storage[step->outputs[step->output_count - 1].tensor].data, scratch);
    eq_body_run(body, scratch, storage, step->inputs + (step->input_count - body->plan->graph->input_count));
    eq_body_give(body, scratch, storage, step->outputs);
}

static bool has_shape(const eq_tensor *tensor, const eq_tensor *other) {
    return tensor->rank == other->rank && memcmp(tensor->dims, other->dims, (size_t)tensor->rank * sizeof *tensor->dims) == 0;
}

static eq_status set_shapes(eq_plan *plan, const eq_operator *op, const eq_branches *b) {
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        const eq_tensor *shape, *other;
        eq_status status = eq_body_output(plan, op, &b->bodies[0], slot, &shape);
        if (status != EQ_OK || (status = eq_body_output(plan, op, &b->bodies[b->count - 1], slot, &other)) != EQ_OK) {
            return status;
        }
        if (!has_shape(shape, other)) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                                "gives an output %d of another shape if its condition holds than if not", (int)slot);
        }
        if ((status = eq_plan_shape(plan, op, slot, shape->rank, shape->dims)) != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}

/* The bodies take the operator's inputs from `first` on. */
static eq_status prepare(eq_plan *plan, const eq_operator *op, const int32_t *graphs, int32_t count, int32_t first) {
    eq_branches b = {.count = count};
    size_t block = 0, scratch = 0;
    eq_status status = EQ_OK;
    for (int32_t i = 0; i < count && status == EQ_OK; ++i) {
        status = eq_body_make(plan, op, graphs[i], op->inputs + first, op->input_count - first, true, &b.bodies[i]);
        block = b.bodies[i].bytes > block ? b.bodies[i].bytes : block;
        scratch = b.bodies[i].scratch > scratch ? b.bodies[i].scratch : scratch;
    }
    if (status != EQ_OK || (status = set_shapes(plan, op, &b)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_body_step(plan, op, run_branches, sizeof b, block);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_branches *)step->data = b;
    step->scratch = scratch;
    for (int32_t i = 0; i < count; ++i) {
        eq_body_add_cost(&b.bodies[i], step);
    }
    return EQ_OK;
}

eq_status eq_prepare_if(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *condition = eq_plan_input(plan, op, 0);
    if (!condition || eq_tensor_elements(condition) != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a condition of one value");
    }
    if (condition->data && !condition->is_variable) {
        return prepare(plan, op, &op->calls[*(const uint8_t *)condition->data == 0], 1, 1);
    }
    return prepare(plan, op, op->calls, 2, 1);
}

eq_status eq_prepare_composite(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, op->calls, 1, 0);
}

EQ_OPERATOR(IF, eq_prepare_if, BOOL);
EQ_OPERATOR(STABLEHLO_COMPOSITE, eq_prepare_composite, ANY);
EQ_OPERATOR_NOTE(IF, "both graphs give the same shapes; no variables in them");
EQ_OPERATOR_NOTE(STABLEHLO_COMPOSITE, "by its decomposition; no variables in it");
