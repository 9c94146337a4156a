#include "number.h"

#include "base/built_in.h"

#include "read/operator_codes.h"

enum { EQ_MOST_ORIGINS = 32 };                   /* operators that are followed back */
static const int64_t LARGEST = (int64_t)1 << 32; /* offset: indices are smaller */

static int64_t value_at(eq_type type, const void *values, int32_t element) {
    return type == EQ_INT64 ? ((const int64_t *)values)[element] : ((const int32_t *)values)[element];
}

static bool is_followed(const eq_tensor *tensor) {
    return tensor && !tensor->is_variable && !tensor->unsupported && (tensor->type == EQ_INT32 || tensor->type == EQ_INT64);
}

static bool is_constant(const eq_tensor *tensor) {
    return tensor && tensor->data && !tensor->is_variable;
}

/* The same values in another shape. */
static bool through_shape(const eq_plan *plan, const eq_operator *op, eq_number *number) {
    if (op->input_count < 1 || !is_followed(eq_plan_input(plan, op, 0))) {
        return false;
    }
    number->tensor = op->inputs[0];
    return true;
}

/* Numbers beside each other: PACK of scalars, CONCATENATION of vectors. */
static bool through_row(const eq_plan *plan, const eq_operator *op, eq_number *number) {
    int64_t element = number->element;
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *in = eq_plan_input(plan, op, slot);
        const int64_t elements = in ? eq_tensor_elements(in) : 0;
        if (!is_followed(in) || in->rank != (op->code == EQ_OP_CONCATENATION)) {
            return false;
        }
        if (element < elements) {
            number->tensor = op->inputs[slot];
            number->element = (int32_t)element;
            return true;
        }
        element -= elements;
    }
    return false;
}

/* A sum or difference with a constant. */
static bool through_sum(const eq_plan *plan, const eq_operator *op, eq_number *number) {
    if (op->input_count != 2 || eq_option_byte(op, 0, 0) != 0) { /* a fused activation */
        return false;
    }
    const int32_t constant = is_constant(eq_plan_input(plan, op, 1)) ? 1 : 0;
    const eq_tensor *term = eq_plan_input(plan, op, constant), *other = eq_plan_input(plan, op, 1 - constant);
    if (!is_constant(term) || !is_followed(term) || !is_followed(other) || (op->code == EQ_OP_SUB && constant == 0)) {
        return false;
    }
    const int64_t terms = eq_tensor_elements(term), others = eq_tensor_elements(other);
    const int64_t all = eq_tensor_elements(eq_plan_output(plan, op, 0));
    if ((terms != 1 && terms != all) || (others != 1 && others != all)) {
        return false; /* some of both are taken again and again */
    }
    const int64_t value = value_at(term->type, term->data, terms == 1 ? 0 : number->element);
    if (value > LARGEST || value < -LARGEST) {
        return false;
    }
    number->offset += op->code == EQ_OP_SUB ? -value : value;
    number->tensor = op->inputs[1 - constant];
    number->element = others == 1 ? 0 : number->element;
    return true;
}

static bool step_back(const eq_plan *plan, eq_number *number) {
    const eq_operator *op = plan->tensors[number->tensor].made_by;
    switch (op ? op->code : -1) {
    case EQ_OP_RESHAPE:
    case EQ_OP_SQUEEZE:
    case EQ_OP_EXPAND_DIMS:
        return through_shape(plan, op, number);
    case EQ_OP_PACK:
    case EQ_OP_CONCATENATION:
        return through_row(plan, op, number);
    case EQ_OP_ADD:
    case EQ_OP_SUB:
        return through_sum(plan, op, number);
    default:
        return false;
    }
}

eq_number eq_number_of(const eq_plan *plan, int32_t tensor, int32_t element) {
    eq_number number = {.tensor = tensor, .element = element};
    for (int32_t steps = 0; steps <= EQ_MOST_ORIGINS; ++steps) {
        const eq_tensor *at = &plan->tensors[number.tensor].tensor;
        if (is_constant(at)) {
            const int64_t value = value_at(at->type, at->data, number.element);
            number.offset += value > LARGEST ? LARGEST : value < -LARGEST ? -LARGEST : value;
            number.tensor = -1;
            number.element = 0;
            break;
        }
        if (!EQ_HAS_CONTROL || !step_back(plan, &number)) {
            break;
        }
    }
    return number;
}

int64_t eq_number_value(const eq_number *number, eq_type type, const void *values) {
    const int64_t value = eq_number_is_known(number) ? 0 : value_at(type, values, number->element);
    return (value > LARGEST ? LARGEST : value < -LARGEST ? -LARGEST : value) + number->offset;
}
