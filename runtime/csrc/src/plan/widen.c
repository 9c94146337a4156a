#include "widen.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "pass.h"

/* Whether a line EQ_OPERATOR_FLOAT16 names it. */
static bool computes(const eq_operator *op) {
    const int16_t *code = eq_widened;
    while (*code >= 0 && *code != op->code) {
        ++code;
    }
    return *code >= 0;
}

bool eq_plan_is_widened(const eq_plan *plan, const eq_operator *op) {
    for (int32_t slot = 0; computes(op) && slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        if (tensor && tensor->type == EQ_FLOAT16) {
            return true;
        }
    }
    return false;
}

enum { CHUNK = 4096 }; /* values of a unit */

typedef struct conversion {
    const eq_kernels *kernels;
    size_t elements;
} conversion;

static size_t values_of(const conversion *c, int32_t first, int32_t last) {
    const size_t begin = (size_t)first * CHUNK, end = (size_t)last * CHUNK;
    return (end < c->elements ? end : c->elements) - begin;
}

static void run_widen(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const conversion *c = step->data;
    const uint16_t *in = storage[step->inputs[0].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    (void)scratch;
    c->kernels->widen_f16(in + (size_t)first * CHUNK, out + (size_t)first * CHUNK, values_of(c, first, last));
}

static void run_narrow(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const conversion *c = step->data;
    const float *in = storage[step->inputs[0].tensor].data;
    uint16_t *out = storage[step->outputs[0].tensor].data;
    (void)scratch;
    c->kernels->narrow_f16(in + (size_t)first * CHUNK, out + (size_t)first * CHUNK, values_of(c, first, last));
}

eq_status eq_plan_convert(eq_plan *plan, const eq_operator *op, int32_t from, int32_t to) {
    const eq_tensor *made = &plan->tensors[to].tensor;
    eq_step *step = eq_plan_step(plan, op, made->type == EQ_FLOAT16 ? run_narrow : run_widen, sizeof(conversion), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const size_t elements = (size_t)eq_tensor_elements(made);
    *(conversion *)step->data = (conversion){plan->kernels, elements};
    step->inputs[0].tensor = from;
    step->outputs[0].tensor = to;
    step->units = (int32_t)((elements + CHUNK - 1) / CHUNK);
    step->cost = elements;
    step->floats = true;
    return EQ_OK;
}

int32_t eq_plan_converted(eq_plan *plan, const eq_operator *op, int32_t from, eq_type type) {
    const eq_tensor *tensor = &plan->tensors[from].tensor;
    const size_t elements = (size_t)eq_tensor_elements(tensor);
    const int32_t to = eq_plan_temporary(plan, type, tensor->rank, tensor->dims);
    if (to < 0) {
        return -1;
    }
    if (!tensor->data || tensor->is_variable) {
        return eq_plan_convert(plan, op, from, to) == EQ_OK ? to : -1;
    }
    uint8_t *values = eq_plan_take(plan, eq_size_times(elements, (size_t)eq_type_size(type)) + 2 * EQ_SLACK);
    if (!values) {
        return -1;
    }
    values += EQ_SLACK;
    if (type == EQ_FLOAT16) {
        uint16_t *halves = (uint16_t *)(void *)values;
        plan->kernels->narrow_f16(tensor->data, halves, elements);
        for (size_t i = 0; i < elements; ++i) { /* a mask's -3.4e38 is to stay a number, of which SOFTMAX makes no NaN */
            const bool is_past = (halves[i] & 0x7fff) == 0x7c00 && !isinf(((const float *)tensor->data)[i]);
            halves[i] = (uint16_t)(halves[i] - is_past);
        }
    } else {
        plan->kernels->widen_f16(tensor->data, (float *)(void *)values, elements);
    }
    eq_plan_constant(plan, to, values);
    return to;
}

/* The operator with float32 in the places of float16. */
static eq_status widen(eq_plan *plan, const eq_operator *op, eq_operator *wide) {
    const size_t inputs = (size_t)op->input_count, outputs = (size_t)op->output_count;
    int32_t *tensors = eq_plan_take(plan, eq_size_times(inputs + outputs, sizeof *tensors));
    if (!tensors) {
        return (eq_status)plan->error->status;
    }
    memcpy(tensors, op->inputs, inputs * sizeof *tensors);
    memcpy(tensors + inputs, op->outputs, outputs * sizeof *tensors);
    *wide = *op;
    wide->inputs = tensors;
    wide->outputs = tensors + inputs;
    for (size_t i = 0; i < inputs + outputs; ++i) {
        const bool is_float16 = tensors[i] >= 0 && plan->tensors[tensors[i]].tensor.type == EQ_FLOAT16;
        eq_status status = EQ_OK;
        if (is_float16 && i < inputs) {
            tensors[i] = eq_plan_converted(plan, op, tensors[i], EQ_FLOAT32);
            status = tensors[i] < 0 ? (eq_status)plan->error->status : EQ_OK;
        } else if (is_float16 && (tensors[i] = eq_plan_temporary(plan, EQ_FLOAT32, 0, plan->tensors[0].tensor.dims)) < 0) {
            status = (eq_status)plan->error->status;
        }
        if (status != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}

eq_status eq_prepare_widened(eq_plan *plan, const eq_operator *op) {
    eq_operator *wide = eq_plan_take(plan, sizeof *wide); /* steps refer to it */
    const eq_operator_row *row;
    eq_status status = wide ? widen(plan, op, wide) : (eq_status)plan->error->status;
    if (status != EQ_OK || (status = eq_plan_find_operator(plan, wide, &row)) != EQ_OK ||
        (status = eq_operator_prepare(row, plan, wide)) != EQ_OK) {
        return status;
    }
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        if (wide->outputs[slot] == op->outputs[slot]) {
            continue;
        }
        const eq_tensor *made = eq_plan_output(plan, wide, slot);
        status = eq_plan_shape(plan, op, slot, made->rank, made->dims);
        if (status == EQ_OK) {
            status = eq_plan_convert(plan, op, wide->outputs[slot], op->outputs[slot]);
        }
        if (status != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}
