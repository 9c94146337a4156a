/* Plans: what prepare functions call, and the pass over the model's operators that calls them. */
#include "plan.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "copy.h"
#include "base/memory.h"
#include "operator.h"
#include "variables.h"

enum { EQ_TEMPORARIES = 8 }; /* that one operator may ask for */

eq_status eq_plan_fail(eq_plan *plan, const eq_operator *op, eq_status status, const char *format, ...) {
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return eq_fail(plan->error, status, "%s (operator %d): %s", op->name, (int)op->index, sentence);
}

eq_status eq_plan_arity(eq_plan *plan, const eq_operator *op, int32_t least_inputs, int32_t most_inputs, uint32_t optional,
                        int32_t outputs) {
    if (op->input_count < least_inputs || op->input_count > most_inputs) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has %d inputs where the operator takes %d to %d", (int)op->input_count,
                            (int)least_inputs, (int)most_inputs);
    }
    if (op->output_count != outputs) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has %d outputs where the operator gives %d", (int)op->output_count,
                            (int)outputs);
    }
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        if (op->inputs[slot] < 0 && (slot >= 32 || !(optional >> slot & 1))) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "lacks its input %d", (int)slot);
        }
    }
    return EQ_OK;
}

const eq_tensor *eq_plan_input(const eq_plan *plan, const eq_operator *op, int32_t slot) {
    if (slot >= op->input_count || op->inputs[slot] < 0) {
        return NULL;
    }
    return &plan->tensors[op->inputs[slot]].tensor;
}

const eq_tensor *eq_plan_output(const eq_plan *plan, const eq_operator *op, int32_t slot) {
    return &plan->tensors[op->outputs[slot]].tensor;
}

/* The bytes of a dense tensor, or 0 if a dimension is < 1 or there are 2^31 elements or more. */
static size_t dense_bytes(eq_type type, int32_t rank, const int32_t *dims) {
    int64_t elements = 1;
    for (int32_t i = 0; i < rank; ++i) {
        if (dims[i] < 1 || (elements *= dims[i]) > INT32_MAX) {
            return 0;
        }
    }
    return eq_size_times((size_t)elements, (size_t)eq_type_size(type));
}

eq_status eq_plan_shape(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t rank, const int32_t *dims) {
    eq_tensor *tensor = &plan->tensors[op->outputs[slot]].tensor;
    if (rank < 0 || rank > EQ_MAX_RANK) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives a tensor of %d dimensions; %d is the most", (int)rank,
                            (int)EQ_MAX_RANK);
    }
    for (int32_t i = 0; i < rank; ++i) {
        if (dims[i] < 1) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives a tensor whose dimension %d is %d", (int)i,
                                (int)dims[i]);
        }
    }
    size_t bytes = dense_bytes(tensor->type, rank, dims);
    if (bytes == 0 || bytes > plan->model->memory_limit) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "gives a tensor larger than the memory limit of %llu bytes",
                            (unsigned long long)plan->model->memory_limit);
    }
    tensor->rank = rank;
    memcpy(tensor->dims, dims, (size_t)rank * sizeof *dims);
    return EQ_OK;
}

void *eq_plan_take(eq_plan *plan, size_t bytes) {
    if (bytes > plan->model->memory_limit - plan->memory_used) {
        eq_fail(plan->error, EQ_ERROR_LIMIT, "the model needs more memory than its limit of %llu bytes",
                (unsigned long long)plan->model->memory_limit);
        return NULL;
    }
    void *memory = eq_memory_take(&plan->memory, bytes);
    if (!memory) {
        eq_fail(plan->error, EQ_ERROR_MEMORY, "the system gave no memory for %zu bytes", bytes);
        return NULL;
    }
    plan->memory_used += bytes;
    return memory;
}

int32_t eq_plan_temporary(eq_plan *plan, eq_type type, int32_t rank, const int32_t *dims) {
    size_t bytes = dense_bytes(type, rank, dims);
    if (plan->tensor_count == plan->tensor_capacity || bytes == 0 || bytes > plan->model->memory_limit) {
        eq_fail(plan->error, EQ_ERROR_LIMIT, "an intermediate result needs more memory than the limit of %llu bytes",
                (unsigned long long)plan->model->memory_limit);
        return -1;
    }
    eq_plan_tensor *made = &plan->tensors[plan->tensor_count];
    *made = (eq_plan_tensor){.alias = -1, .pad_source = -1};
    made->tensor.name = "";
    made->tensor.type = made->tensor.file_type = type;
    made->tensor.rank = rank;
    memcpy(made->tensor.dims, dims, (size_t)rank * sizeof *dims);
    return plan->tensor_count++;
}

eq_status eq_plan_append(eq_plan *plan, eq_step *step) {
    if (plan->step_count == plan->step_capacity) {
        int32_t capacity = plan->step_capacity * 2 + 16;
        eq_step **steps = eq_plan_take(plan, eq_size_times((size_t)capacity, sizeof *steps));
        if (!steps) {
            return (eq_status)plan->error->status;
        }
        if (plan->step_count > 0) {
            memcpy(steps, plan->steps, (size_t)plan->step_count * sizeof *steps);
        }
        plan->steps = steps;
        plan->step_capacity = capacity;
    }
    plan->steps[plan->step_count++] = step;
    return EQ_OK;
}

eq_step *eq_plan_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, size_t data_bytes, int32_t inputs, int32_t outputs) {
    eq_step *step = eq_plan_take(plan, sizeof *step);
    eq_use *uses = eq_plan_take(plan, eq_size_times((size_t)inputs + (size_t)outputs, sizeof *uses));
    void *data = eq_plan_take(plan, data_bytes);
    if (!step || !uses || !data) {
        return NULL;
    }
    for (int32_t i = 0; i < inputs + outputs; ++i) {
        uses[i].tensor = -1;
    }
    *step = (eq_step){.run = run, .op = op, .units = 1, .input_count = inputs, .output_count = outputs};
    step->inputs = uses;
    step->outputs = uses + inputs;
    step->data = data;
    return eq_plan_append(plan, step) == EQ_OK ? step : NULL;
}

void eq_plan_constant(eq_plan *plan, int32_t tensor, const void *values) {
    plan->tensors[tensor].tensor.data = values;
}

int32_t eq_plan_root(const eq_plan *plan, int32_t tensor) {
    while (plan->tensors[tensor].alias >= 0) {
        tensor = plan->tensors[tensor].alias;
    }
    return tensor;
}

bool eq_plan_is_edge(const eq_plan *plan, int32_t tensor) {
    for (int32_t i = 0; i < plan->graph->input_count; ++i) {
        if (plan->inputs[i] == tensor) {
            return true;
        }
    }
    for (int32_t i = 0; i < plan->graph->output_count; ++i) {
        if (plan->outputs[i] == tensor) {
            return true;
        }
    }
    return false;
}

eq_status eq_plan_alias(eq_plan *plan, const eq_operator *op, int32_t output, int32_t input) {
    eq_plan_tensor *alias = &plan->tensors[op->outputs[output]];
    const eq_plan_tensor *source = &plan->tensors[op->inputs[input]];
    if (source->tensor.data) {
        alias->tensor.data = source->tensor.data;
        return EQ_OK;
    }
    if (source->tensor.is_variable) {
        return eq_plan_copy(plan, op, op->inputs[input], op->outputs[output]);
    }
    alias->alias = eq_plan_root(plan, op->inputs[input]); /* a long chain would take long to follow */
    return EQ_OK;
}

const void *eq_plan_packed(eq_plan *plan, const eq_operator *op, size_t bytes,
                           void (*pack)(const void *arguments, void *packed), const void *arguments) {
    eq_model *model = plan->model;
    eq_packed *packed = &model->packed[op->index];
    pthread_mutex_lock(model->lock);
    if (!packed->data) {
        if (bytes > model->memory_limit - model->packed_bytes) {
            eq_fail(plan->error, EQ_ERROR_LIMIT, "the weights need more memory than the limit of %llu bytes",
                    (unsigned long long)model->memory_limit);
        } else if (!(packed->data = eq_memory_take(&model->memory, bytes))) {
            eq_fail(plan->error, EQ_ERROR_MEMORY, "the system gave no memory for %zu bytes of weights", bytes);
        } else {
            pack(arguments, packed->data);
            packed->bytes = bytes;
            packed->pack = pack;
            model->packed_bytes += bytes;
        }
    }
    const void *data = packed->data;
    if (data && (packed->bytes != bytes || packed->pack != pack)) { /* a session whose inputs have other channels */
        data = NULL;
        eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs its weights in another form than the model's first session");
    }
    pthread_mutex_unlock(model->lock);
    return data;
}

/* ---- the pass over the operators ---- */

static eq_status set_input_shapes(eq_plan *plan, const eq_shape *shapes) {
    for (int32_t i = 0; shapes && i < plan->graph->input_count; ++i) {
        eq_tensor *tensor = &plan->tensors[plan->graph->inputs[i]].tensor;
        bool fits = shapes[i].rank == tensor->rank;
        for (int32_t d = 0; fits && d < tensor->rank; ++d) {
            int32_t size = shapes[i].dims[d];
            fits = size == tensor->dims[d] || (tensor->signature[d] == -1 && size > 0);
        }
        if (!fits) {
            return eq_fail(plan->error, EQ_ERROR_ARGUMENT, "the shape given for the input '%s' does not fit the model",
                           tensor->name);
        }
        size_t bytes = dense_bytes(tensor->type, shapes[i].rank, shapes[i].dims);
        if (bytes == 0 || bytes > plan->model->memory_limit) {
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
        if (eq_type_size(tensor->type) == 0) {
            return eq_fail(plan->error, EQ_ERROR_UNSUPPORTED, "the model's %s '%.60s' is of type %s",
                           is_input ? "input" : "output", tensor->name, eq_type_name(tensor->type));
        }
    }
    return EQ_OK;
}

static bool is_usable(const eq_operator *op, const eq_tensor *tensor) {
    return !tensor->unsupported && (eq_type_size(tensor->type) != 0 || eq_is_variable_handle(op, tensor));
}

/* A tensor that no operator of the engine can use, or NULL. */
static const eq_tensor *foreign_tensor(const eq_plan *plan, const eq_operator *op) {
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        if (tensor && !is_usable(op, tensor)) {
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

/* Whether an input has no elements, other than the shape that asks RESHAPE for a scalar. */
static bool has_empty(const eq_plan *plan, const eq_operator *op) {
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        if (tensor && eq_tensor_elements(tensor) == 0 && !(op->code == EQ_OP_RESHAPE && slot == 1)) {
            return true;
        }
    }
    return false;
}

static eq_status prepare(eq_plan *plan, const eq_operator *op) {
    const eq_operator_row *row;
    const eq_status status = eq_plan_find_operator(plan, op, &row);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *foreign = foreign_tensor(plan, op);
    if (foreign) {
        return foreign->unsupported
                   ? eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a tensor %s", foreign->unsupported)
                   : eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a tensor of type %s", eq_type_name(foreign->type));
    }
    if (has_empty(plan, op)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a tensor of no elements");
    }
    return row->prepare(plan, op);
}

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

static eq_status fold(eq_plan *plan, int32_t first) {
    eq_memory_block *memory = NULL; /* not the plan's: a model may have a thousand of these, each the size of its tensors */
    eq_storage *storage = eq_memory_take(&memory, eq_size_times((size_t)plan->tensor_count, sizeof *storage));
    if (!storage) {
        return eq_fail(plan->error, EQ_ERROR_MEMORY, "the system gave no memory to compute constants");
    }
    eq_status status = run_now(plan, first, storage);
    eq_memory_free(&memory);
    return status;
}

/* Operators that cannot run for the same reason. */
typedef struct eq_refusal {
    const char *name; /* of the operators */
    int32_t first, count;
    struct eq_refusal *next;
    char reason[];
} eq_refusal;

/* One more operator, whose error is in `plan->error`. */
static eq_status refuse(eq_plan *plan, const eq_operator *op, eq_refusal **refusals) {
    char before[512]; /* as eq_plan_fail begins */
    const int length = snprintf(before, sizeof before, "%s (operator %d): ", op->name, (int)op->index);
    const char *reason = plan->error->message;
    if (length > 0 && (size_t)length < sizeof before && strncmp(reason, before, (size_t)length) == 0) {
        reason += length;
    }
    while (*refusals && (strcmp((*refusals)->name, op->name) != 0 || strcmp((*refusals)->reason, reason) != 0)) {
        refusals = &(*refusals)->next;
    }
    if (!*refusals) {
        eq_refusal *made = eq_plan_take(plan, sizeof *made + strlen(reason) + 1);
        if (!made) {
            return (eq_status)plan->error->status;
        }
        *made = (eq_refusal){.name = op->name, .first = op->index};
        strcpy(made->reason, reason);
        *refusals = made;
    }
    (*refusals)->count += 1;
    return EQ_OK;
}

/* All of them in one sentence, or as many kinds as fit. */
static eq_status tell(eq_plan *plan, const eq_refusal *refusals) {
    char text[sizeof plan->error->message], item[sizeof text];
    size_t length = 0;
    for (const eq_refusal *r = refusals; r; r = r->next) {
        const char *between = r == refusals ? "" : "; ";
        int size = r->count == 1
                       ? snprintf(item, sizeof item, "%s%.100s (operator %d): %s", between, r->name, (int)r->first, r->reason)
                       : snprintf(item, sizeof item, "%s%.100s (%d of them, the first is operator %d): %s", between, r->name,
                                  (int)r->count, (int)r->first, r->reason);
        if (size < 0 || length + (size_t)size + sizeof "; and 2147483647 more kinds" > sizeof text) {
            int32_t kinds = 0;
            for (; r; r = r->next) {
                ++kinds;
            }
            snprintf(text + length, sizeof text - length, "%sand %d more kind%s", between, (int)kinds, kinds == 1 ? "" : "s");
            break;
        }
        memcpy(text + length, item, (size_t)size + 1);
        length += (size_t)size;
    }
    return eq_fail(plan->error, EQ_ERROR_UNSUPPORTED, "%s", text);
}

static eq_status prepare_all(eq_plan *plan) {
    eq_refusal *refusals = NULL;
    for (int32_t i = 0; i < plan->graph->operator_count; ++i) {
        const eq_operator *op = &plan->graph->operators[i];
        int32_t first = plan->step_count;
        eq_status status = prepare(plan, op);
        if (status == EQ_OK && can_fold(plan, op, first)) {
            status = fold(plan, first);
        }
        if (status == EQ_ERROR_UNSUPPORTED) {
            status = refuse(plan, op, &refusals); /* and go on with the shapes that the file gives */
        }
        if (status == EQ_ERROR_MEMORY || (status != EQ_OK && !refusals)) {
            return status;
        } /* else what follows an operator that was refused may fail only for that */
    }
    return refusals ? tell(plan, refusals) : EQ_OK;
}

static eq_status start(eq_plan *plan, eq_model *model) {
    const eq_graph *graph = &model->graphs[0];
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
    if (!plan->inputs || !plan->tensors) {
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
    eq_status status = start(plan, model);
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
    return status == EQ_OK ? eq_plan_layout(plan) : status;
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
        *(plan->steps[s]->plain ? &work.plain : &work.kernels) += plan->steps[s]->cost;
    }
    return work;
}

eq_status eq_plan_check(eq_model *model, eq_error *error) {
    eq_plan *plan;
    eq_error own;
    eq_status status = eq_plan_make(model, NULL, &plan, &own);
    if (status == EQ_OK) {
        model->work = work_of(plan);
        eq_plan_free(plan);
        return EQ_OK;
    }
    /* With 1 where sizes are free a model may be senseless: a window that does not fit. A session may give others, and
     * says the same if it does not. */
    if (status != EQ_ERROR_UNSUPPORTED && status != EQ_ERROR_MEMORY && leaves_sizes_free(model->graphs)) {
        return EQ_OK;
    }
    return eq_fail(error, eq_plan_status(status), "%s", own.message);
}
