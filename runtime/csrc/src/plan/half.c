/* Float16 in place of float32, operator by operator as they are prepared. Products begin it, and what only moves values or computes them
 * one by one goes on with it, so that a chain of layers is converted where it begins and where it ends. Other operators, from pooling to
 * LSTMs, compute in float32 and give float32, and so does what follows them up to the next product: an island is entered once. */
#include "half.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "widen.h"

static bool is_float(const eq_tensor *tensor) {
    return tensor && (tensor->type == EQ_FLOAT32 || tensor->type == EQ_FLOAT16);
}

static bool is_computed(const eq_tensor *tensor) {
    return tensor && (!tensor->data || tensor->is_variable);
}

/* The slot of the values that a layer multiplies by weights, or -1. */
static int32_t product_input(const eq_operator *op) {
    switch (op->code) {
    case EQ_OP_CONV_2D:
    case EQ_OP_DEPTHWISE_CONV_2D:
    case EQ_OP_FULLY_CONNECTED:
    case EQ_OP_BATCH_MATMUL:
        return 0;
    case EQ_OP_TRANSPOSE_CONV:
        return 2;
    default:
        return -1;
    }
}

/* What goes on with float16 that it meets. */
static bool follows(const eq_operator *op) {
    switch (op->code) {
    case EQ_OP_ABS:
    case EQ_OP_ADD:
    case EQ_OP_DIV:
    case EQ_OP_ELU:
    case EQ_OP_EXP:
    case EQ_OP_GELU:
    case EQ_OP_HARD_SWISH:
    case EQ_OP_LEAKY_RELU:
    case EQ_OP_LOGISTIC:
    case EQ_OP_MAXIMUM:
    case EQ_OP_MINIMUM:
    case EQ_OP_MUL:
    case EQ_OP_NEG:
    case EQ_OP_PRELU:
    case EQ_OP_RELU:
    case EQ_OP_RELU6:
    case EQ_OP_RELU_0_TO_1:
    case EQ_OP_RELU_N1_TO_1:
    case EQ_OP_SUB:
    case EQ_OP_TANH:

    case EQ_OP_BATCH_TO_SPACE_ND:
    case EQ_OP_CONCATENATION:
    case EQ_OP_DEPTH_TO_SPACE:
    case EQ_OP_EXPAND_DIMS:
    case EQ_OP_MIRROR_PAD:
    case EQ_OP_PACK:
    case EQ_OP_PAD:
    case EQ_OP_PADV2:
    case EQ_OP_RANK:
    case EQ_OP_RESHAPE:
    case EQ_OP_RESIZE_NEAREST_NEIGHBOR:
    case EQ_OP_SHAPE:
    case EQ_OP_SLICE:
    case EQ_OP_SPACE_TO_BATCH_ND:
    case EQ_OP_SPACE_TO_DEPTH:
    case EQ_OP_SPLIT:
    case EQ_OP_SPLIT_V:
    case EQ_OP_SQUEEZE:
    case EQ_OP_STRIDED_SLICE:
    case EQ_OP_TILE:
    case EQ_OP_TRANSPOSE:
    case EQ_OP_UNPACK:
        return true;
    default:
        return false;
    }
}

/* Whether float16 has all of a layer's weights and biases as numbers: larger ones would be infinite. */
static bool constants_fit(const eq_plan *plan, const eq_operator *op) {
    const float past = 65520.0f; /* rounds to what is not a number any more */
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        const float *values = tensor && tensor->type == EQ_FLOAT32 && !is_computed(tensor) ? tensor->data : NULL;
        for (int64_t i = 0, n = values ? eq_tensor_elements(tensor) : 0; i < n; ++i) {
            if (fabsf(values[i]) >= past) {
                return false;
            }
        }
    }
    return true;
}

static bool computes_in_half(eq_plan *plan, const eq_operator *op) {
    const int32_t product = product_input(op);
    if (product >= 0) {
        const eq_tensor *in = eq_plan_input(plan, op, product);
        const bool is_asked = is_float(in) && is_computed(in) && is_float(eq_plan_input(plan, op, 1));
        const bool fits = is_asked && constants_fit(plan, op);
        plan->past_half += is_asked && !fits;
        return fits;
    }
    for (int32_t slot = 0; follows(op) && slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        if (is_computed(tensor) && tensor->type == EQ_FLOAT16) {
            return true;
        }
    }
    return false;
}

/* The tensor's values in the other type; each tensor is converted once. -1: error written. */
static int32_t other_of(eq_plan *plan, const eq_operator *op, int32_t tensor, eq_type type) {
    if (plan->others[tensor] == 0) {
        const int32_t other = eq_plan_converted(plan, op, tensor, type);
        if (other < 0 || plan->tensors[tensor].tensor.is_variable) {
            return other;
        }
        plan->others[tensor] = other + 1;
    }
    return plan->others[tensor] - 1;
}

void eq_plan_forget_others(eq_plan *plan, int32_t first) {
    for (int32_t i = 0; i < plan->tensor_count; ++i) {
        plan->others[i] = plan->others[i] > first ? 0 : plan->others[i];
    }
}

/* A copy of the operator whose inputs of type `from` are converted: all, or the one in slot `only`. */
static const eq_operator *convert_inputs(eq_plan *plan, const eq_operator *op, eq_type from, eq_type to, int32_t only) {
    eq_operator *copy = eq_plan_take(plan, sizeof *copy); /* steps refer to it */
    int32_t *inputs = eq_plan_take(plan, eq_size_times((size_t)op->input_count, sizeof *inputs));
    if (!copy || !inputs) {
        return NULL;
    }
    *copy = *op;
    copy->inputs = inputs;
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        inputs[slot] = op->inputs[slot];
        if (tensor && tensor->type == from && (only < 0 || slot == only) &&
            (inputs[slot] = other_of(plan, op, inputs[slot], to)) < 0) {
            return NULL;
        }
    }
    return copy;
}

static bool is_changed(const eq_plan *plan, int32_t tensor) {
    return tensor >= 0 && tensor < plan->graph->tensor_count && plan->tensors[tensor].tensor.type == EQ_FLOAT16 &&
           plan->graph->tensors[tensor].type == EQ_FLOAT32;
}

const eq_operator *eq_plan_back_to_float(eq_plan *plan, const eq_operator *op) {
    bool reads_half = false;
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        if (is_changed(plan, op->outputs[slot])) {
            plan->tensors[op->outputs[slot]].tensor.type = plan->tensors[op->outputs[slot]].tensor.file_type = EQ_FLOAT32;
        }
    }
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        reads_half = reads_half || is_changed(plan, op->inputs[slot]);
    }
    return reads_half ? convert_inputs(plan, op, EQ_FLOAT16, EQ_FLOAT32, -1) : op;
}

const eq_operator *eq_plan_to_half(eq_plan *plan, const eq_operator *op, bool *half) {
    *half = computes_in_half(plan, op);
    if (!*half) {
        return eq_plan_back_to_float(plan, op);
    }
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        eq_tensor *output = &plan->tensors[op->outputs[slot]].tensor;
        if (output->type == EQ_FLOAT32) {
            output->type = output->file_type = EQ_FLOAT16;
        }
    }
    return convert_inputs(plan, op, EQ_FLOAT32, EQ_FLOAT16, product_input(op));
}

eq_status eq_plan_widen_outputs(eq_plan *plan) {
    for (int32_t i = 0; plan->half && i < plan->graph->output_count; ++i) {
        if (is_changed(plan, plan->outputs[i])) {
            const int32_t narrow = plan->outputs[i];
            const eq_tensor *tensor = &plan->tensors[narrow].tensor;
            static const eq_operator edge = {.index = -1, .code = -1, .name = "edge"};
            plan->outputs[i] = eq_plan_temporary(plan, EQ_FLOAT32, tensor->rank, tensor->dims);
            if (plan->outputs[i] < 0) {
                return (eq_status)plan->error->status;
            }
            const eq_status status = eq_plan_convert(plan, &edge, narrow, plan->outputs[i]);
            if (status != EQ_OK) {
                return status;
            }
        }
    }
    return EQ_OK;
}
