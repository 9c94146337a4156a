/* ADD, SUB, MUL, MAXIMUM, MINIMUM, SQUARED_DIFFERENCE and PRELU of int8. */
#include "binary.h"

#include "lookup.h"
#include "plan/operator.h"

int32_t eq_binary_activation(const eq_operator *op) {
    const bool fuses = op->code == EQ_OP_ADD || op->code == EQ_OP_SUB || op->code == EQ_OP_MUL || op->code == EQ_OP_DIV;
    return fuses ? eq_option_byte(op, 0, 0) : 0;
}

static bool is_one_constant(const eq_tensor *t) {
    return t->data && eq_tensor_elements(t) == 1;
}

/* An int8 result that depends on one tensor alone is a table of 256 results: where the other input is a constant of one value,
 * or both are functions of the same tensor, as in x * sigmoid(x). Returns whether that is so, and the tensor's place in `root`. */
static bool find_table(const eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, const eq_binary *binary,
                       int32_t *root, int8_t table[256]) {
    const int32_t a = op->inputs[shape->slots[0]], b = op->inputs[shape->slots[1]];
    const eq_tensor *left = &plan->tensors[a].tensor, *right = &plan->tensors[b].tensor;
    const int64_t elements = eq_tensor_elements(eq_plan_output(plan, op, 0));
    int8_t of_a[256], of_b[256];
    if (left->data || eq_tensor_elements(left) != elements) {
        return false;
    }
    *root = eq_lookup_root(plan, a, of_a);
    if (is_one_constant(right)) {
        binary->run_scalar(binary->parameters, of_a, right->data, table, 256);
        return true;
    }
    if (eq_lookup_root(plan, b, of_b) != *root || eq_tensor_elements(right) != elements) {
        return false;
    }
    binary->run(binary->parameters, of_a, of_b, table, 256);
    return true;
}

eq_status eq_binary_shape(eq_plan *plan, const eq_operator *op, eq_broadcast *shape) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status == EQ_OK) {
        status = eq_broadcast_shape(plan, op, shape);
    }
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *a = eq_plan_input(plan, op, 0), *b = eq_plan_input(plan, op, 1), *out = eq_plan_output(plan, op, 0);
    if (a->type != b->type || a->type != out->type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "mixes types");
    }
    if (op->code == EQ_OP_PRELU && eq_tensor_elements(a) != eq_tensor_elements(out)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has slopes of more dimensions than its input");
    }
    return EQ_OK;
}

eq_status eq_prepare_binary_s8(eq_plan *plan, const eq_operator *op) {
    eq_broadcast shape;
    eq_binary binary;
    eq_status status = eq_binary_shape(plan, op, &shape);
    if (status != EQ_OK || (status = eq_quantized_binary(plan, op, &shape, &binary)) != EQ_OK) {
        return status;
    }
    int32_t root;
    int8_t table[256];
    return find_table(plan, op, &shape, &binary, &root, table) ? eq_lookup_step(plan, op, root, table)
                                                               : eq_broadcast_step(plan, op, &shape, &binary);
}

EQ_OPERATOR(ADD, eq_prepare_binary_s8, INT8);
EQ_OPERATOR(MUL, eq_prepare_binary_s8, INT8);
EQ_OPERATOR(SUB, eq_prepare_binary_s8, INT8);
EQ_OPERATOR(PRELU, eq_prepare_binary_s8, INT8);
EQ_OPERATOR(MAXIMUM, eq_prepare_binary_s8, INT8);
EQ_OPERATOR(MINIMUM, eq_prepare_binary_s8, INT8);
EQ_OPERATOR(SQUARED_DIFFERENCE, eq_prepare_binary_s8, INT8);
EQ_OPERATOR_KERNEL(add, ADD, SUB);
EQ_OPERATOR_KERNEL(multiply, MUL);
EQ_OPERATOR_KERNEL(rescale, PRELU, SQUARED_DIFFERENCE);
EQ_OPERATOR_KERNEL(maximum, MAXIMUM);
EQ_OPERATOR_KERNEL(minimum, MINIMUM);
