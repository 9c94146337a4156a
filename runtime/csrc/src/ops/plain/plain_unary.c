/* Elementwise operators of one float32 or integer input. */
#include "ops/elementwise/elements.h"
#include "ops/elementwise/unary.h"
#include "plan/operator.h"

typedef struct eq_plain {
    const eq_kernels *kernels;
    eq_unary_f32 f32; /* also of the others: the operator */
    eq_type type;
} eq_plain;

/* The loop of a case: out[i] = expression, of x. */
#define RUN(type, expression)            \
    {                                    \
        const type *in = from;           \
        type *out = to;                  \
        for (size_t i = 0; i < n; i++) { \
            const type x = in[i];        \
            out[i] = (expression);       \
        }                                \
        return true;                     \
    }

/* Integers wrap. */
static bool run_i32(const eq_plain *options, const void *from, void *to, size_t n) {
    switch (options->f32.code) {
    case EQ_OP_NEG:
        RUN(int32_t, (int32_t)(0 - (uint32_t)x))
    case EQ_OP_ABS:
        RUN(int32_t, x < 0 ? (int32_t)(0 - (uint32_t)x) : x)
    case EQ_OP_SIGN:
        RUN(int32_t, (x > 0) - (x < 0))
    default:
        return false;
    }
}

/* As float32, rounded once. */
static bool run_f16(const eq_plain *options, const void *from, void *to, size_t n) {
    enum { WIDENED = 256 };
    const uint16_t *in = from;
    uint16_t *out = to;
    float x[WIDENED];
    for (size_t i = 0, count; i < n; i += count) {
        count = n - i < WIDENED ? n - i : WIDENED;
        options->kernels->widen_f16(in + i, x, count);
        (void)options->kernels->unary_f32(&options->f32, x, x, count);
        options->kernels->narrow_f16(x, out + i, count);
    }
    return options->kernels->unary_f32(&options->f32, NULL, NULL, 0);
}

/* Returns whether there is such an operator of such a type, and does nothing else if n is 0. */
static bool run_any(const eq_plain *options, const void *from, void *to, size_t n) {
    switch (options->type) {
    case EQ_FLOAT32:
        return options->kernels->unary_f32(&options->f32, from, to, n);
    case EQ_FLOAT16:
        return run_f16(options, from, to, n);
    case EQ_INT32:
        return run_i32(options, from, to, n);
    default:
        break;
    }
    if (options->f32.code == EQ_OP_LOGICAL_NOT && options->type == EQ_BOOL) {
        RUN(uint8_t, x == 0)
    }
    if (options->f32.code != EQ_OP_NEG) {
        return false;
    }
    if (options->type == EQ_INT64) {
        RUN(int64_t, (int64_t)(0 - (uint64_t)x))
    }
    if (options->type == EQ_INT16) {
        RUN(int16_t, (int16_t)-x)
    }
    return false;
}

static void run(const void *options, const void *from, void *to, size_t n) {
    (void)run_any(options, from, to, n);
}

eq_status eq_prepare_plain_unary(eq_plan *plan, const eq_operator *op) {
    float alpha;
    eq_status status = eq_unary_shape(plan, op, &alpha);
    if (status != EQ_OK) {
        return status;
    }
    const eq_type type = eq_plan_input(plan, op, 0)->type;
    const bool approximate = op->code == EQ_OP_GELU && eq_option_bool(op, 0, false);
    const eq_plain options = {plan->kernels, {op->code, alpha, approximate}, type};
    if (!run_any(&options, NULL, NULL, 0)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(type));
    }
    status = eq_elements_step(plan, op, run, &options, sizeof options);
    if (status == EQ_OK) {
        eq_step *step = plan->steps[plan->step_count - 1];
        step->cost *= 8;
        step->slow = type == EQ_FLOAT32 || type == EQ_FLOAT16;
    }
    return status;
}

EQ_OPERATOR(LOGICAL_NOT, eq_prepare_plain_unary, BOOL);
EQ_OPERATOR(SIGN, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(FLOOR, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(LOGISTIC, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(RELU, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(RELU_N1_TO_1, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(RELU6, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(TANH, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(EXP, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(NEG, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(SIN, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(LOG, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(SQRT, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(RSQRT, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(SQUARE, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(LEAKY_RELU, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(ABS, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(CEIL, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(COS, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(ELU, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(ROUND, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(HARD_SWISH, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(GELU, eq_prepare_plain_unary, ANY);
EQ_OPERATOR(RELU_0_TO_1, eq_prepare_plain_unary, ANY);
EQ_OPERATOR_FLOAT16(FLOOR, LOGISTIC, RELU, RELU_N1_TO_1, RELU6, TANH, EXP, NEG, SIN, LOG, SQRT, RSQRT, SQUARE, LEAKY_RELU, ABS,
                    CEIL, COS, ELU, ROUND, HARD_SWISH, GELU);
EQ_OPERATOR_NOTE(SIGN, "float32 and int32 only");
EQ_OPERATOR_NOTE(FLOOR, "float32 only");
EQ_OPERATOR_NOTE(SIN, "float32 only");
EQ_OPERATOR_NOTE(SQUARE, "float32 only");
EQ_OPERATOR_NOTE(CEIL, "float32 only");
EQ_OPERATOR_NOTE(COS, "float32 only");
EQ_OPERATOR_NOTE(ROUND, "float32 only");
