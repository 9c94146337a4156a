/* Elementwise operators of one input: on int8 a table, on floats a loop. */
#include "unary.h"

#include <math.h>

#include "elements.h"
#include "lookup.h"
#include "plan/operator.h"
#include "ops/quantization.h"

static void run_plain(const void *options, const void *from, void *to, size_t n) {
    (void)eq_plain_unary(options, from, to, n);
}

static eq_status plain_step(eq_plan *plan, const eq_operator *op, float alpha) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const eq_unary options = {
        .code = op->code,
        .type = in->type,
        .alpha = alpha,
        .approximate = op->code == EQ_OP_GELU && eq_option_bool(op, 0, false),
    };
    if (!eq_plain_unary(&options, NULL, NULL, 0)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(in->type));
    }
    const eq_status status = eq_elements_step(plan, op, run_plain, &options, sizeof options);
    if (status == EQ_OK) {
        eq_step *step = plan->steps[plan->step_count - 1];
        step->cost *= 8;
        step->slow = in->type == EQ_FLOAT32;
    }
    return status;
}

static eq_status lookup_step(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    int8_t table[256];
    eq_status status = eq_check_int8(plan, op, in, "the input");
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

eq_status eq_prepare_unary(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    if (in->type != out->type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "mixes types");
    }
    const float alpha = op->code == EQ_OP_LEAKY_RELU ? eq_option_float(op, 0, 0) : 0;
    if (!isfinite(alpha)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has a slope that is no finite number");
    }
    status = eq_plan_shape(plan, op, 0, in->rank, in->dims);
    if (status != EQ_OK) {
        return status;
    }
    return in->type == EQ_INT8 ? lookup_step(plan, op) : plain_step(plan, op, alpha);
}

EQ_OPERATOR(LOGICAL_NOT, eq_prepare_unary, BOOL);
EQ_OPERATOR(SIGN, eq_prepare_unary, ANY);
EQ_OPERATOR(FLOOR, eq_prepare_unary, ANY);
EQ_OPERATOR(LOGISTIC, eq_prepare_unary, ANY);
EQ_OPERATOR(RELU, eq_prepare_unary, ANY);
EQ_OPERATOR(RELU_N1_TO_1, eq_prepare_unary, ANY);
EQ_OPERATOR(RELU6, eq_prepare_unary, ANY);
EQ_OPERATOR(TANH, eq_prepare_unary, ANY);
EQ_OPERATOR(EXP, eq_prepare_unary, ANY);
EQ_OPERATOR(NEG, eq_prepare_unary, ANY);
EQ_OPERATOR(SIN, eq_prepare_unary, ANY);
EQ_OPERATOR(LOG, eq_prepare_unary, ANY);
EQ_OPERATOR(SQRT, eq_prepare_unary, ANY);
EQ_OPERATOR(RSQRT, eq_prepare_unary, ANY);
EQ_OPERATOR(SQUARE, eq_prepare_unary, ANY);
EQ_OPERATOR(LEAKY_RELU, eq_prepare_unary, ANY);
EQ_OPERATOR(ABS, eq_prepare_unary, ANY);
EQ_OPERATOR(CEIL, eq_prepare_unary, ANY);
EQ_OPERATOR(COS, eq_prepare_unary, ANY);
EQ_OPERATOR(ELU, eq_prepare_unary, ANY);
EQ_OPERATOR(ROUND, eq_prepare_unary, ANY);
EQ_OPERATOR(HARD_SWISH, eq_prepare_unary, ANY);
EQ_OPERATOR(GELU, eq_prepare_unary, ANY);
EQ_OPERATOR(RELU_0_TO_1, eq_prepare_unary, ANY);
EQ_OPERATOR_KERNEL(lookup, LOGISTIC, RELU, RELU_N1_TO_1, RELU6, TANH, EXP, NEG, LOG, SQRT, RSQRT, LEAKY_RELU, ABS, ELU,
                   HARD_SWISH, GELU, RELU_0_TO_1);
EQ_OPERATOR_NOTE(SIGN, "float32 and int32 only");
EQ_OPERATOR_NOTE(FLOOR, "float32 only");
EQ_OPERATOR_NOTE(SIN, "float32 only");
EQ_OPERATOR_NOTE(SQUARE, "float32 only");
EQ_OPERATOR_NOTE(CEIL, "float32 only");
EQ_OPERATOR_NOTE(COS, "float32 only");
EQ_OPERATOR_NOTE(ROUND, "float32 only");
