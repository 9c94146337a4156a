/* Elementwise operators of one input: on int8 a table, on floats a loop. */
#include "unary.h"

#include <math.h>

#include "lookup.h"
#include "plan/operator.h"
#include "ops/quantization.h"

typedef struct eq_plain_unary_data {
    eq_unary options;
    eq_unary_run_fn run;
    size_t elements;
} eq_plain_unary_data;

enum { EQ_BLOCK = 4096 };

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_plain_unary_data *d = step->data;
    const size_t size = 4, begin = (size_t)first * EQ_BLOCK, end = (size_t)last * EQ_BLOCK;
    const uint8_t *in = storage[step->inputs[0].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    d->run(&d->options, in + begin * size, out + begin * size, (end < d->elements ? end : d->elements) - begin);
}

static eq_status plain_step(eq_plan *plan, const eq_operator *op, float alpha) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const eq_unary_run_fn function = eq_plain_unary(op->code, in->type);
    if (!function) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(in->type));
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof(eq_plain_unary_data), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_plain_unary_data *d = step->data;
    d->run = function;
    d->options.alpha = alpha;
    d->options.approximate = op->code == EQ_OP_GELU && eq_option_bool(op, 0, false);
    d->elements = (size_t)eq_tensor_elements(in);
    step->units = (int32_t)((d->elements + EQ_BLOCK - 1) / EQ_BLOCK);
    step->cost = d->elements * 8;
    step->plain = in->type == EQ_FLOAT32;
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    return EQ_OK;
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
EQ_OPERATOR_NOTE(FLOOR, "float32 only");
EQ_OPERATOR_NOTE(SIN, "float32 only");
EQ_OPERATOR_NOTE(SQUARE, "float32 only");
EQ_OPERATOR_NOTE(CEIL, "float32 only");
EQ_OPERATOR_NOTE(COS, "float32 only");
EQ_OPERATOR_NOTE(ROUND, "float32 only");
