/* ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM, SQUARED_DIFFERENCE, PRELU, FLOOR_DIV, FLOOR_MOD. */
#include "binary.h"

#include "lookup.h"
#include "prepare.h"

int32_t eq_binary_activation(const eq_operator *op) {
    const bool fuses = op->code == EQ_OP_ADD || op->code == EQ_OP_SUB || op->code == EQ_OP_MUL || op->code == EQ_OP_DIV;
    return fuses ? eq_option_byte(op, 0, 0) : 0;
}

static bool is_one_constant(const eq_tensor *t) {
    return t->data && eq_tensor_elements(t) == 1;
}

/* An int8 tensor and a constant: 256 possible results. `b` is the constant. */
static eq_status prepare_lookup(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, const eq_binary *binary) {
    int8_t all[256], table[256];
    for (int32_t i = 0; i < 256; ++i) {
        all[i] = (int8_t)(i - 128);
    }
    binary->run_scalar(binary->parameters, all, eq_plan_input(plan, op, shape->slots[1])->data, table, 256);
    return eq_lookup_step(plan, op, shape->slots[0], table);
}

eq_status eq_prepare_binary(eq_plan *plan, const eq_operator *op) {
    eq_broadcast shape;
    eq_binary binary;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status == EQ_OK) status = eq_broadcast_shape(plan, op, &shape);
    if (status != EQ_OK) return status;
    const eq_tensor *a = eq_plan_input(plan, op, 0), *b = eq_plan_input(plan, op, 1), *out = eq_plan_output(plan, op, 0);
    if (a->type != b->type || a->type != out->type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "mixes types");
    }
    if (op->code == EQ_OP_PRELU && eq_tensor_elements(a) != eq_tensor_elements(out)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has slopes of more dimensions than its input");
    }
    const bool quantized = out->type == EQ_INT8;
    status = (quantized ? eq_quantized_binary : eq_plain_binary)(plan, op, &shape, &binary);
    if (status != EQ_OK) return status;
    const eq_tensor *first = eq_plan_input(plan, op, shape.slots[0]), *second = eq_plan_input(plan, op, shape.slots[1]);
    if (quantized && is_one_constant(second) && !first->data && eq_tensor_elements(first) == eq_tensor_elements(out)) {
        return prepare_lookup(plan, op, &shape, &binary);
    }
    return eq_broadcast_step(plan, op, &shape, &binary);
}
