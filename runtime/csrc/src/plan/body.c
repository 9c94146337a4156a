#include "body.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "fill.h"
#include "pass.h"

/* ---- planning ---- */

static eq_status set_input(eq_plan *plan, const eq_operator *op, eq_plan *body, int32_t slot, const eq_tensor *outer,
                           bool keep_constants) {
    eq_tensor *inner = &body->tensors[body->graph->inputs[slot]].tensor;
    if (!outer || inner->unsupported || inner->type != outer->type || inner->file_type != outer->file_type) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "runs a graph whose input %d is of another type than what it gets",
                            (int)slot);
    }
    inner->rank = outer->rank;
    memcpy(inner->dims, outer->dims, sizeof inner->dims);
    inner->data = keep_constants && !outer->is_variable ? outer->data : NULL;
    return EQ_OK;
}

/* Variables keep their values in the main graph's memory alone. */
static eq_status check_tensors(eq_plan *plan, const eq_operator *op, const eq_graph *graph) {
    for (int32_t i = 0; i < graph->tensor_count; ++i) {
        if (graph->tensors[i].is_variable) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "runs a graph that has variables of its own");
        }
    }
    return EQ_OK;
}

static eq_status set_inputs(eq_plan *plan, const eq_operator *op, eq_plan *body, const int32_t *inputs, int32_t count,
                            bool keep_constants) {
    if (body->graph->input_count != count) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "gives %d inputs to a graph that takes %d", (int)count,
                            (int)body->graph->input_count);
    }
    eq_status status = check_tensors(plan, op, body->graph);
    for (int32_t i = 0; status == EQ_OK && i < count; ++i) {
        const eq_tensor *outer = inputs[i] < 0 ? NULL : &plan->tensors[inputs[i]].tensor;
        status = set_input(plan, op, body, i, outer, keep_constants);
    }
    return status;
}

static eq_status measure(eq_plan *inner, eq_body *body) {
    size_t *offsets = eq_plan_take(inner, eq_size_times((size_t)inner->tensor_count, sizeof *offsets));
    const size_t bytes = offsets ? eq_plan_arena(inner, offsets) : SIZE_MAX, scratch = eq_plan_most_scratch(inner);
    const size_t table = eq_size_times((size_t)inner->tensor_count, sizeof(eq_storage));
    if (bytes > INT32_MAX / 2 || scratch > INT32_MAX / 2 || table > INT32_MAX / 2) {
        return eq_fail(inner->error, EQ_ERROR_LIMIT,
                       "the tensors of a graph that another runs need more memory than the limit");
    }
    *body = (eq_body){.plan = inner, .offsets = offsets, .bytes = bytes + 2 * EQ_SLACK};
    body->scratch = (table + 63) / 64 * 64 + scratch;
    return EQ_OK;
}

/* In which graph it was, and which operator of the main graph runs that, by whatever way. */
static eq_status tell(eq_plan *plan, const eq_operator *op, int32_t index, eq_status status, const char *sentence) {
    char place[32] = "";
    if (strncmp(sentence, "in graph ", strlen("in graph ")) != 0) {
        snprintf(place, sizeof place, "in graph %d: ", (int)index);
    }
    return plan->is_body ? eq_fail(plan->error, status, "%s%s", place, sentence)
                         : eq_plan_fail(plan, op, status, "%s%s", place, sentence);
}

eq_status eq_body_make(eq_plan *plan, const eq_operator *op, int32_t index, const int32_t *inputs, int32_t count,
                       bool keep_constants, eq_body *body) {
    if (index < 0 || index >= plan->model->graph_count) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "runs graph %d of %d", (int)index, (int)plan->model->graph_count);
    }
    if (++plan->loops->bodies > EQ_MOST_BODIES) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the model's graphs run other graphs more than %d times", EQ_MOST_BODIES);
    }
    eq_plan *inner;
    eq_status status = eq_plan_begin_body(plan, index, &inner);
    if (status != EQ_OK || (status = set_inputs(plan, op, inner, inputs, count, keep_constants)) != EQ_OK) {
        return status;
    }
    eq_error own;
    inner->error = &own;
    status = eq_plan_finish_body(inner);
    if (status == EQ_OK) {
        status = measure(inner, body);
    }
    inner->error = NULL;
    plan->memory_used = inner->memory_used;
    return status == EQ_OK ? EQ_OK : tell(plan, op, index, status, own.message);
}

eq_status eq_body_output(eq_plan *plan, const eq_operator *op, const eq_body *body, int32_t slot, const eq_tensor **tensor) {
    const eq_graph *graph = body->plan->graph;
    if (graph->output_count != op->output_count) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has %d outputs, and runs a graph of %d", (int)op->output_count,
                            (int)graph->output_count);
    }
    const eq_tensor *inner = &body->plan->tensors[graph->outputs[slot]].tensor, *outer = eq_plan_output(plan, op, slot);
    if (inner->type != outer->type || inner->file_type != outer->file_type) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output %d is of another type than that of the graph that it runs",
                            (int)slot);
    }
    *tensor = inner;
    return EQ_OK;
}

eq_step *eq_body_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, size_t data_bytes, size_t block) {
    const int32_t bytes = (int32_t)block, temporary = eq_plan_temporary(plan, EQ_INT8, 1, &bytes);
    eq_step *step = temporary < 0 ? NULL : eq_plan_step(plan, op, run, data_bytes, op->input_count, op->output_count + 1);
    if (!step) {
        return NULL;
    }
    for (int32_t i = 0; i < op->input_count; ++i) {
        step->inputs[i].tensor = op->inputs[i];
    }
    for (int32_t i = 0; i < op->output_count; ++i) {
        step->outputs[i].tensor = op->outputs[i];
    }
    step->outputs[op->output_count].tensor = temporary;
    step->open_ended = true;
    return step;
}

void eq_body_add_cost(const eq_body *body, eq_step *step) {
    for (int32_t s = 0; s < body->plan->step_count; ++s) {
        step->cost += body->plan->steps[s]->cost;
        step->macs += body->plan->steps[s]->macs;
        step->floats |= body->plan->steps[s]->floats;
        step->slow |= body->plan->steps[s]->slow;
    }
}

/* ---- in a run ---- */

static void *rest_of(const eq_body *body, void *scratch) {
    return (uint8_t *)scratch + ((size_t)body->plan->tensor_count * sizeof(eq_storage) + 63) / 64 * 64;
}

static size_t bytes_of(const eq_tensor *tensor) {
    return (size_t)eq_tensor_elements(tensor) * (size_t)eq_type_size(tensor->type);
}

void eq_body_place(const eq_body *body, void *block, void *scratch) {
    eq_plan_place(body->plan, body->offsets, (uint8_t *)block + EQ_SLACK, scratch);
}

void eq_body_run(const eq_body *body, void *scratch, const eq_storage *outer, const eq_use *inputs) {
    const eq_plan *plan = body->plan;
    const eq_storage *storage = scratch;
    for (int32_t i = 0; i < plan->graph->input_count; ++i) {
        const eq_tensor *tensor = &plan->tensors[plan->inputs[i]].tensor;
        if (!tensor->data) {
            memcpy(storage[plan->inputs[i]].data, outer[inputs[i].tensor].data, bytes_of(tensor));
        }
    }
    for (int32_t s = 0; s < plan->step_count && !eq_loops_are_stopped(plan->loops); ++s) {
        const eq_step *step = plan->steps[s];
        eq_step_run(step, storage, 0, step->units, rest_of(body, scratch));
    }
}

const void *eq_body_result(const eq_body *body, const void *scratch, int32_t slot) {
    return ((const eq_storage *)scratch)[body->plan->outputs[slot]].data;
}

void eq_body_give(const eq_body *body, const void *scratch, const eq_storage *outer, const eq_use *outputs) {
    for (int32_t i = 0; i < body->plan->graph->output_count; ++i) {
        const eq_tensor *tensor = &body->plan->tensors[body->plan->outputs[i]].tensor;
        memcpy(outer[outputs[i].tensor].data, eq_body_result(body, scratch, i), bytes_of(tensor));
    }
}
