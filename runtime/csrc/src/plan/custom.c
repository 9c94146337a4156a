#include "custom.h"

#include <string.h>

#include "base/memory.h"
#include "read/operator_codes.h"

typedef struct step_data {
    void (*run)(const eq_custom_call *call);
    eq_custom_call call; /* its tensors' addresses are written before each run: a session runs once at a time */
} step_data;

const eq_custom_operator *eq_plan_custom_operator(const eq_plan *plan, const eq_operator *op) {
    for (int32_t i = 0; op->code == EQ_OP_CUSTOM && i < plan->model->custom_operator_count; i++) {
        if (strcmp(plan->model->custom_operators[i].name, op->custom) == 0) {
            return &plan->model->custom_operators[i];
        }
    }
    return NULL;
}

static eq_custom_tensor described(const eq_tensor *tensor) {
    eq_custom_tensor t = {.rank = -1};
    if (tensor) {
        t.type = (int32_t)tensor->type;
        t.rank = tensor->rank;
        memcpy(t.shape, tensor->dims, sizeof t.shape);
        t.bytes = (size_t)eq_tensor_elements(tensor) * (size_t)eq_type_size(tensor->type);
        t.data = (void *)(uintptr_t)tensor->data;
        if (tensor->scale_count == 1) {
            t.scale = tensor->scales[0];
            t.zero_point = tensor->zero_points[0];
        }
    }
    return t;
}

static void run_custom(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last;
    step_data *d = step->data;
    for (int32_t i = 0; i < d->call.input_count; i++) {
        d->call.inputs[i].data = d->call.inputs[i].rank < 0 ? NULL : storage[step->op->inputs[i]].data;
    }
    for (int32_t i = 0; i < d->call.output_count; i++) {
        d->call.outputs[i].data = storage[step->op->outputs[i]].data;
    }
    d->call.scratch = scratch;
    d->run(&d->call);
}

/* Asks the caller's `prepare`, and gives the outputs what it said. */
static eq_status settle(eq_plan *plan, const eq_operator *op, const eq_custom_operator *custom, eq_custom_call *call) {
    const char *reason = NULL;
    eq_status status = custom->prepare(call, &reason);
    if (status != EQ_OK) {
        return eq_plan_fail(plan, op, status, "%s", reason ? reason : "its `prepare` refuses it");
    }
    for (int32_t i = 0; i < op->output_count; i++) {
        const eq_custom_tensor *out = &call->outputs[i];
        if (out->rank < 0 || out->rank > EQ_MAX_RANK) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its `prepare` gave output %d the rank %d", (int)i,
                                (int)out->rank);
        }
        if ((status = eq_plan_shape(plan, op, i, out->rank, out->shape)) != EQ_OK) {
            return status;
        }
        call->outputs[i] = described(eq_plan_output(plan, op, i));
    }
    return EQ_OK;
}

eq_status eq_prepare_custom(eq_plan *plan, const eq_operator *op) {
    const eq_custom_operator *custom = eq_plan_custom_operator(plan, op);
    const size_t tensors = (size_t)op->input_count + (size_t)op->output_count;
    eq_custom_tensor *described_tensors = eq_plan_take(plan, eq_size_times(tensors + 1, sizeof *described_tensors));
    if (!described_tensors) {
        return (eq_status)plan->error->status;
    }
    eq_custom_call call = {.input_count = op->input_count,
                           .output_count = op->output_count,
                           .inputs = described_tensors,
                           .outputs = described_tensors + op->input_count,
                           .options = op->custom_options,
                           .options_size = op->custom_options_size,
                           .context = custom->context};
    int32_t present = 0;
    for (int32_t i = 0; i < op->input_count; i++) {
        call.inputs[i] = described(eq_plan_input(plan, op, i));
        present += call.inputs[i].rank >= 0;
    }
    for (int32_t i = 0; i < op->output_count; i++) {
        call.outputs[i] = described(eq_plan_output(plan, op, i));
    }
    const eq_status status = settle(plan, op, custom, &call);
    if (status != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_custom, sizeof(step_data), present, op->output_count);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = (step_data){custom->run, call};
    for (int32_t i = 0, use = 0; i < op->input_count; i++) {
        if (op->inputs[i] >= 0) {
            step->inputs[use++].tensor = op->inputs[i];
        }
    }
    for (int32_t i = 0; i < op->output_count; i++) {
        step->outputs[i].tensor = op->outputs[i];
    }
    step->scratch = call.scratch_bytes;
    step->cost = call.work;
    step->macs = call.work;
    step->slow = true;
    return EQ_OK;
}
