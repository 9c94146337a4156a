/* WHILE: a graph whose outputs are its inputs in the next round, as long as another graph says so. */
#include <string.h>

#include "plan/body.h"
#include "plan/operator.h"

typedef struct eq_while {
    eq_body condition, body;
    eq_loops *loops;
} eq_while;

/* The values that go round are the outputs; each graph works on copies, so a round may exchange them. */
static void run_while(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last;
    const eq_while *w = step->data;
    void *block = storage[step->outputs[step->output_count - 1].tensor].data;
    void *rest = (uint8_t *)scratch + w->condition.scratch;
    for (int32_t i = 0; i < step->input_count; ++i) {
        const eq_tensor *tensor = &w->body.plan->tensors[w->body.plan->inputs[i]].tensor;
        const size_t bytes = (size_t)eq_tensor_elements(tensor) * (size_t)eq_type_size(tensor->type);
        memcpy(storage[step->outputs[i].tensor].data, storage[step->inputs[i].tensor].data, bytes);
    }
    eq_body_place(&w->condition, block, scratch);
    eq_body_place(&w->body, block, rest);
    while (!eq_loops_are_stopped(w->loops)) {
        eq_body_run(&w->condition, scratch, storage, step->outputs);
        if (eq_loops_are_stopped(w->loops) || *(const uint8_t *)eq_body_result(&w->condition, scratch, 0) == 0) {
            return;
        }
        if (w->loops->rounds++ == EQ_MOST_ROUNDS) {
            w->loops->endless = step->op;
            return;
        }
        eq_body_run(&w->body, rest, storage, step->outputs);
        eq_body_give(&w->body, rest, storage, step->outputs);
    }
}

static eq_status check_condition(eq_plan *plan, const eq_operator *op, const eq_body *condition) {
    const eq_graph *graph = condition->plan->graph;
    const eq_tensor *result = graph->output_count == 1 ? &condition->plan->tensors[graph->outputs[0]].tensor : NULL;
    if (!result || result->type != EQ_BOOL || eq_tensor_elements(result) != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its condition must give one BOOL");
    }
    return EQ_OK;
}

static eq_status set_shapes(eq_plan *plan, const eq_operator *op, const eq_body *body) {
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        const eq_tensor *in = eq_plan_input(plan, op, slot), *next;
        eq_status status = eq_body_output(plan, op, body, slot, &next);
        if (status != EQ_OK) {
            return status;
        }
        if (in->type != next->type || in->file_type != next->file_type) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "gives its value %d another type after a round", (int)slot);
        }
        if (in->rank != next->rank || memcmp(in->dims, next->dims, (size_t)in->rank * sizeof *in->dims) != 0) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                                "gives its value %d another shape after a round, and shapes are settled when a session opens",
                                (int)slot);
        }
        if ((status = eq_plan_shape(plan, op, slot, in->rank, in->dims)) != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}

eq_status eq_prepare_while(eq_plan *plan, const eq_operator *op) {
    if (op->input_count != op->output_count) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has %d inputs and %d outputs", (int)op->input_count,
                            (int)op->output_count);
    }
    eq_while w = {.loops = plan->loops};
    eq_status status;
    if ((status = eq_body_make(plan, op, op->calls[0], op->inputs, op->input_count, false, &w.condition)) != EQ_OK ||
        (status = eq_body_make(plan, op, op->calls[1], op->inputs, op->input_count, false, &w.body)) != EQ_OK ||
        (status = check_condition(plan, op, &w.condition)) != EQ_OK || (status = set_shapes(plan, op, &w.body)) != EQ_OK) {
        return status;
    }
    const size_t block = w.body.bytes > w.condition.bytes ? w.body.bytes : w.condition.bytes;
    eq_step *step = eq_body_step(plan, op, run_while, sizeof w, block);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_while *)step->data = w;
    step->scratch = w.condition.scratch + w.body.scratch;
    eq_body_add_cost(&w.condition, step);
    eq_body_add_cost(&w.body, step);
    return EQ_OK;
}

EQ_OPERATOR(WHILE, eq_prepare_while, ANY);
EQ_OPERATOR_NOTE(WHILE, "values keep their shapes from round to round; no variables in its graphs; 2^24 rounds a run");
