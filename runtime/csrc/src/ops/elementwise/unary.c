/* Elementwise operators of one int8 input: tables of 256 values. Those of plain numbers are in ops/plain/plain_unary.c. */
#include "unary.h"

#include <math.h>

#include "lookup.h"
#include "ops/quantization.h"
#include "plan/operator.h"

eq_status eq_unary_shape(eq_plan *plan, const eq_operator *op, float *alpha) {
    const eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    if (in->type != out->type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "mixes types");
    }
    *alpha = op->code == EQ_OP_LEAKY_RELU ? eq_option_float(op, 0, 0) : 0;
    if (!isfinite(*alpha)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has a slope that is no finite number");
    }
    return eq_plan_shape(plan, op, 0, in->rank, in->dims);
}

eq_status eq_prepare_unary_s8(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    int8_t table[256];
    float alpha;
    eq_status status = eq_unary_shape(plan, op, &alpha);
    if (status == EQ_OK) {
        status = eq_check_int8(plan, op, in, "the input");
    }
    if (status == EQ_OK) {
        status = eq_check_int8(plan, op, out, "the output");
    }
    if (status != EQ_OK) {
        return status;
    }
    if (!eq_unary_table(op, in, out, table)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take int8 tensors");
    }
    return eq_lookup_step(plan, op, op->inputs[0], table);
}

EQ_OPERATOR(LOGISTIC, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(RELU, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(RELU_N1_TO_1, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(RELU6, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(TANH, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(EXP, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(NEG, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(LOG, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(SQRT, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(RSQRT, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(LEAKY_RELU, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(ABS, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(ELU, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(HARD_SWISH, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(GELU, eq_prepare_unary_s8, INT8);
EQ_OPERATOR(RELU_0_TO_1, eq_prepare_unary_s8, INT8);
EQ_OPERATOR_KERNEL(lookup, LOGISTIC, RELU, RELU_N1_TO_1, RELU6, TANH, EXP, NEG, LOG, SQRT, RSQRT, LEAKY_RELU, ABS, ELU,
                   HARD_SWISH, GELU, RELU_0_TO_1);
