/* Plans: the pass over the model's operators, from the shapes of the inputs to steps and memory. */
#include <string.h>

#include "base/built_in.h"
#include "base/memory.h"
#include "body.h"
#include "copy.h"
#include "empty.h"
#include "half.h"
#include "operator.h"
#include "pass.h"
#include "variables.h"
#include "widen.h"

enum { EQ_TEMPORARIES = 8 }; /* that one operator may ask for */

static eq_status set_input_shapes(eq_plan *plan, const eq_shape *shapes) {
    for (int32_t i = 0; shapes && i < plan->graph->input_count; ++i) {
        eq_tensor *tensor = &plan->tensors[plan->graph->inputs[i]].tensor;
        bool fits = shapes[i].rank == tensor->rank;
        for (int32_t d = 0; fits && d < tensor->rank; ++d) {
            int32_t size = shapes[i].dims[d];
            fits = size == tensor->dims[d] || (tensor->signature[d] == -1 && size >= 0);
        }
        if (!fits) {
            return eq_fail(plan->error, EQ_ERROR_ARGUMENT, "the shape given for the input '%s' does not fit the model",
                           tensor->name);
        }
        size_t bytes = eq_plan_dense_bytes(tensor->type, shapes[i].rank, shapes[i].dims);
        if (bytes > plan->model->memory_limit) {
            return eq_fail(plan->error, EQ_ERROR_LIMIT, "the input '%s' would be larger than the memory limit of %llu bytes",
                           tensor->name, (unsigned long long)plan->model->memory_limit);
        }
        memcpy(tensor->dims, shapes[i].dims, (size_t)tensor->rank * sizeof *tensor->dims);
    }
    return EQ_OK;
}

/* Callers know types of the engine only. */
static eq_status check_edges(eq_plan *plan) {
    const eq_graph *graph = plan->graph;
    for (int32_t i = 0; i < graph->input_count + graph->output_count; ++i) {
        const bool is_input = i < graph->input_count;
        const int32_t index = is_input ? graph->inputs[i] : graph->outputs[i - graph->input_count];
        const eq_tensor *tensor = &plan->tensors[index].tensor;
        if (tensor->unsupported) {
            return eq_fail(plan->error, EQ_ERROR_UNSUPPORTED, "the model's %s '%.60s' is a tensor %s",
                           is_input ? "input" : "output", tensor->name, tensor->unsupported);
        }
        if (eq_type_size(tensor->file_type) == 0) {
            return eq_fail(plan->error, EQ_ERROR_UNSUPPORTED, "the model's %s '%.60s' is of type %s",
                           is_input ? "input" : "output", tensor->name, eq_type_name(tensor->file_type));
        }
    }
    return EQ_OK;
}

/* Parts of a list, between which an element takes the place of another (ops/move/list.h). */
static bool takes_parts(const eq_plan *plan, const eq_operator *op, int32_t slot) {
    return op->code == EQ_OP_CONCATENATION && plan->tensors[op->inputs[slot]].part;
}

static bool is_usable(const eq_operator *op, const eq_tensor *tensor) {
    const bool takes_blocks = op->code == EQ_OP_FULLY_CONNECTED || op->code == EQ_OP_EMBEDDING_LOOKUP;
    return !tensor->unsupported &&
           (eq_type_size(tensor->type) != 0 || eq_is_variable_handle(op, tensor) || (tensor->block_size > 0 && takes_blocks));
}

/* A tensor that no operator of the engine can use, or NULL. */
static const eq_tensor *foreign_tensor(const eq_plan *plan, const eq_operator *op) {
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        if (tensor && !is_usable(op, tensor) && !takes_parts(plan, op, slot)) {
            return tensor;
        }
    }
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        const eq_tensor *tensor = eq_plan_output(plan, op, slot);
        if (!is_usable(op, tensor)) {
            return tensor;
        }
    }
    return NULL;
}

static eq_status prepare_as_it_is(eq_plan *plan, const eq_operator *op, bool half) {
    static const eq_operator_row widened = {.prepare = EQ_PREPARE_WIDENED};
    const eq_operator_row *row = &widened;
    const eq_status status =
        EQ_HAS_FLOATS && !half && eq_plan_is_widened(plan, op) ? EQ_OK : eq_plan_find_operator(plan, op, &row);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *foreign = foreign_tensor(plan, op);
    if (foreign) {
        return foreign->unsupported
                   ? eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a tensor %s", foreign->unsupported)
                   : eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a tensor of type %s", eq_type_name(foreign->type));
    }
    return eq_plan_prepare(plan, op, row);
}

static eq_status prepare(eq_plan *plan, const eq_operator *op) {
    bool half = false;
    const int32_t first_step = plan->step_count, first_tensor = plan->tensor_count;
    const eq_operator *converted = EQ_HAS_FLOATS && plan->half ? eq_plan_to_half(plan, op, &half) : op;
    eq_status status = converted ? prepare_as_it_is(plan, converted, half) : (eq_status)plan->error->status;
    if (EQ_HAS_FLOATS && half && status == EQ_ERROR_UNSUPPORTED) {
        plan->step_count = first_step;
        eq_plan_forget_others(plan, first_tensor);
        converted = eq_plan_back_to_float(plan, op);
        status = converted ? prepare_as_it_is(plan, converted, false) : (eq_status)plan->error->status;
    }
    return status;
}

static void remember_maker(eq_plan *plan, const eq_operator *op) {
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        plan->tensors[op->outputs[slot]].made_by = op;
    }
}

static eq_status prepare_all(eq_plan *plan) {
    eq_refusal *refusals = NULL;
    for (int32_t i = 0; i < plan->graph->operator_count; ++i) {
        const eq_operator *op = &plan->graph->operators[i];
        int32_t first = plan->step_count;
        eq_status status = prepare(plan, op);
        if (status == EQ_OK) {
            remember_maker(plan, op);
            status = eq_plan_fold(plan, op, first);
        }
        if (plan->loops->endless) {
            return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "a loop of constants went round %d times", EQ_MOST_ROUNDS);
        }
        if (plan->loops->outside) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "a loop of constants takes what is not in its tensor");
        }
        if (status == EQ_ERROR_UNSUPPORTED) {
            status = eq_plan_refuse(plan, op, &refusals); /* and go on with the shapes that the file gives */
        }
        if (status == EQ_ERROR_MEMORY || (status != EQ_OK && !refusals)) {
            return status;
        } /* else what follows an operator that was refused may fail only for that */
    }
    return refusals ? eq_plan_tell_refusals(plan, refusals) : EQ_OK;
}

static eq_status start(eq_plan *plan, eq_model *model, const eq_graph *graph) {
    plan->model = model;
    plan->graph = graph;
    plan->kernels = model->kernels;
    size_t edges = (size_t)graph->input_count + (size_t)graph->output_count;
    size_t temporaries = eq_size_times((size_t)graph->operator_count, EQ_TEMPORARIES) + edges;
    size_t capacity = (size_t)graph->tensor_count + temporaries;
    if (capacity > INT32_MAX) {
        return eq_fail(plan->error, EQ_ERROR_LIMIT, "the model has too many operators");
    }
    plan->inputs = eq_plan_take(plan, eq_size_times(edges, sizeof *plan->inputs));
    plan->tensors = eq_plan_take(plan, eq_size_times(capacity, sizeof *plan->tensors));
    plan->half = !plan->is_body && model->precision == EQ_PRECISION_FLOAT16;
    if (plan->half) {
        plan->others = eq_plan_take(plan, eq_size_times(capacity, sizeof *plan->others));
    }
    if (!plan->inputs || !plan->tensors || (plan->half && !plan->others)) {
        return (eq_status)plan->error->status;
    }
    plan->outputs = plan->inputs + graph->input_count;
    memcpy(plan->inputs, graph->inputs, (size_t)graph->input_count * sizeof *plan->inputs);
    memcpy(plan->outputs, graph->outputs, (size_t)graph->output_count * sizeof *plan->outputs);
    plan->tensor_capacity = (int32_t)capacity;
    plan->tensor_count = graph->tensor_count;
    for (int32_t i = 0; i < graph->tensor_count; ++i) {
        plan->tensors[i] = (eq_plan_tensor){.tensor = graph->tensors[i], .alias = -1, .pad_source = -1};
    }
    return EQ_OK;
}

static eq_status make(eq_plan *plan, eq_model *model, const eq_shape *input_shapes) {
    plan->model = model;
    plan->loops = eq_plan_take(plan, sizeof *plan->loops);
    eq_status status = plan->loops ? start(plan, model, model->main) : (eq_status)plan->error->status;
    if (status == EQ_OK) {
        status = set_input_shapes(plan, input_shapes);
    }
    if (status == EQ_OK) {
        status = eq_plan_input_edges(plan);
    }
    if (status == EQ_OK) {
        status = prepare_all(plan);
    }
    if (status == EQ_OK) {
        status = check_edges(plan);
    }
    if (status == EQ_OK) {
        status = eq_plan_output_edges(plan);
    }
    if (EQ_HAS_FLOATS && status == EQ_OK) {
        status = eq_plan_widen_outputs(plan);
    }
    return status == EQ_OK ? eq_plan_layout(plan) : status;
}

eq_status eq_plan_begin_body(eq_plan *plan, int32_t graph, eq_plan **body) {
    eq_memory_block *memory = NULL;
    eq_plan *made = eq_memory_take(&memory, sizeof *made);
    if (!made) {
        return eq_fail(plan->error, EQ_ERROR_MEMORY, "the system gave no memory for a plan");
    }
    *made = (eq_plan){.memory = memory, .memory_used = plan->memory_used, .error = plan->error, .loops = plan->loops};
    made->is_body = true;
    made->next_body = plan->bodies;
    plan->bodies = made;
    *body = made;
    return start(made, plan->model, &plan->model->graphs[graph]);
}

eq_status eq_plan_finish_body(eq_plan *body) {
    eq_status status = prepare_all(body);
    if (status == EQ_OK) {
        status = check_edges(body);
    }
    return status == EQ_OK ? eq_plan_layout(body) : status;
}

eq_status eq_plan_make(eq_model *model, const eq_shape *input_shapes, eq_plan **plan, eq_error *error) {
    eq_memory_block *memory = NULL;
    eq_plan *made = eq_memory_take(&memory, sizeof *made);
    if (!made) {
        return eq_fail(error, EQ_ERROR_MEMORY, "the system gave no memory for a plan");
    }
    made->memory = memory;
    eq_error own;
    made->error = &own;
    eq_status status = make(made, model, input_shapes);
    made->error = NULL;
    if (status != EQ_OK) {
        eq_plan_free(made);
        return eq_fail(error, status, "%s", own.message);
    }
    *plan = made;
    return EQ_OK;
}

void eq_plan_free(eq_plan *plan) {
    if (plan) {
        for (eq_plan *body = plan->bodies, *next; body; body = next) {
            next = body->next_body;
            eq_plan_free(body);
        }
        eq_memory_block *memory = plan->memory; /* the plan itself is in it */
        eq_memory_free(&memory);
    }
}

/* The caller may choose the size of an input. */
static bool leaves_sizes_free(const eq_graph *graph) {
    for (int32_t i = 0; i < graph->input_count; ++i) {
        const eq_tensor *input = &graph->tensors[graph->inputs[i]];
        for (int32_t d = 0; d < input->rank; ++d) {
            if (input->signature[d] < 0) {
                return true;
            }
        }
    }
    return false;
}

eq_status eq_plan_status(eq_status status) {
    return status == EQ_ERROR_MODEL ? EQ_ERROR_UNSUPPORTED : status;
}

static eq_model_work work_of(const eq_plan *plan) {
    eq_model_work work = {0};
    for (int32_t s = 0; s < plan->step_count; ++s) {
        const eq_step *step = plan->steps[s];
        *(step->slow ? &work.slow : step->floats ? &work.floats : &work.fast) += step->cost;
        work.open_ended += step->open_ended;
    }
    return work;
}

eq_status eq_plan_check(eq_model *model, eq_error *error) {
    eq_plan *plan;
    eq_error own;
    eq_status status = eq_plan_make(model, NULL, &plan, &own);
    if (status == EQ_OK) {
        model->work = work_of(plan);
        model->past_half = plan->past_half;
        eq_plan_free(plan);
        return EQ_OK;
    }
    /* With 1 where sizes are free a model may be senseless: a window that does not fit. A session may give others, and
     * says the same if it does not. */
    if (status != EQ_ERROR_UNSUPPORTED && status != EQ_ERROR_MEMORY && leaves_sizes_free(model->main)) {
        return EQ_OK;
    }
    return eq_fail(error, eq_plan_status(status), "%s", own.message);
}
