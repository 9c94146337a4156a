/* What prepare functions call. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "copy.h"
#include "empty.h"
#include "pass.h"

eq_status eq_plan_fail(eq_plan *plan, const eq_operator *op, eq_status status, const char *format, ...) {
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return eq_fail(plan->error, status, "%s (operator %d): %s", op->name, (int)op->index, sentence);
}

eq_status eq_plan_arity(eq_plan *plan, const eq_operator *op, int32_t least_inputs, int32_t most_inputs, uint64_t optional,
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
        if (op->inputs[slot] < 0 && (slot >= 64 || !(optional >> slot & 1))) {
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

size_t eq_plan_dense_bytes(eq_type type, int32_t rank, const int32_t *dims) {
    int64_t elements = 1;
    for (int32_t i = 0; i < rank; ++i) {
        if (dims[i] < 0 || (elements *= dims[i]) > INT32_MAX) {
            return SIZE_MAX;
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
        if (dims[i] < 0) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives a tensor whose dimension %d is %d", (int)i,
                                (int)dims[i]);
        }
    }
    size_t bytes = eq_plan_dense_bytes(tensor->type, rank, dims);
    if (bytes > plan->model->memory_limit) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "gives a tensor larger than the memory limit of %llu bytes",
                            (unsigned long long)plan->model->memory_limit);
    }
    tensor->rank = rank;
    for (int32_t i = 0; i < rank; ++i) { /* a scalar's `dims` may be NULL */
        tensor->dims[i] = dims[i];
    }
    return bytes > 0 || plan->takes_empty ? EQ_OK : EQ_PLAN_EMPTY;
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
    size_t bytes = eq_plan_dense_bytes(type, rank, dims);
    if (plan->tensor_count == plan->tensor_capacity || bytes > plan->model->memory_limit) {
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

bool eq_plan_stays(const eq_plan *plan, int32_t tensor) {
    return !plan->tensors[eq_plan_root(plan, tensor)].tensor.is_variable;
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
    if (plan->is_body) { /* its weights may be the caller's, which differ from call to call */
        void *own = eq_plan_take(plan, bytes);
        if (own) {
            pack(arguments, own);
        }
        return own;
    }
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
