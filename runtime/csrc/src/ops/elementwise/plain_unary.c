/* Elementwise operators of one float32 or integer input. */
#include <math.h>

#include "arithmetic/functions_f32.h"
#include "read/operator_codes.h"
#include "unary.h"

static float within(float x, float min, float max) {
    return x < min ? min : x > max ? max : x;
}

/* XNNPACK's x / 6 + 1/2 is a fused multiply-add; in double precision the product is exact, and the sum rounded once but for a few. */
static float hard_swish(float x) {
    const float gate = (float)((double)x * (double)(1.0f / 6) + 0.5);
    return x * within(gate, 0, 1);
}

static float gelu(float x, bool approximate) {
    if (approximate) {
        return 0.5f * x * (1.0f + eq_tanh_f32(0.7978845608028654f * (x + 0.044715f * x * x * x)));
    }
    return 0.5f * x * eq_erfc_f32(x * -0.70710678118654752f);
}

/* run_name(): out[i] = expression, of x and the operator's options. */
#define RUN(name, type, expression)                                                  \
    static void run_##name(const void *data, const void *from, void *to, size_t n) { \
        const type *in = from;                                                       \
        type *out = to;                                                              \
        const eq_unary *options = data;                                              \
        (void)options;                                                               \
        for (size_t i = 0; i < n; i++) {                                             \
            const type x = in[i];                                                    \
            out[i] = (expression);                                                   \
        }                                                                            \
    }

RUN(logistic, float, eq_logistic_f32(x))
RUN(relu, float, x < 0 ? 0 : x)
RUN(relu_n1_to_1, float, within(x, -1, 1))
RUN(relu_6, float, within(x, 0, 6))
RUN(relu_0_to_1, float, within(x, 0, 1))
RUN(tanh, float, eq_tanh_f32(x))
RUN(exp, float, eq_exp_f32(x))
RUN(neg, float, -x)
RUN(log, float, eq_log_f32(x))
RUN(sqrt, float, sqrtf(x))
RUN(rsqrt, float, 1.0f / sqrtf(x))
RUN(square, float, x *x)
RUN(leaky_relu, float, x < 0 ? x * options->alpha : x)
RUN(abs, float, fabsf(x))
RUN(elu, float, x < 0 ? eq_exp_minus_1_f32(x) : x)
RUN(hard_swish, float, hard_swish(x))
RUN(gelu, float, gelu(x, options->approximate))
RUN(floor, float, floorf(x))
RUN(ceil, float, ceilf(x))
RUN(round, float, nearbyintf(x))
RUN(sin, float, eq_sine_f32(x, 0))
RUN(cos, float, eq_sine_f32(x, 1))
/* Integers wrap. */
RUN(neg_i32, int32_t, (int32_t)(0 - (uint32_t)x))
RUN(abs_i32, int32_t, x < 0 ? (int32_t)(0 - (uint32_t)x) : x)
RUN(neg_i64, int64_t, (int64_t)(0 - (uint64_t)x))
RUN(neg_i16, int16_t, (int16_t)-x)
RUN(sign, float, (float)((x > 0) - (x < 0)))
RUN(sign_i32, int32_t, (x > 0) - (x < 0))
RUN(not, uint8_t, x == 0)

static const struct {
    int32_t code;
    eq_type type;
    eq_elements_fn run;
} runs[] = {
    {EQ_OP_FLOOR, EQ_FLOAT32, run_floor},
    {EQ_OP_LOGISTIC, EQ_FLOAT32, run_logistic},
    {EQ_OP_RELU, EQ_FLOAT32, run_relu},
    {EQ_OP_RELU_N1_TO_1, EQ_FLOAT32, run_relu_n1_to_1},
    {EQ_OP_RELU6, EQ_FLOAT32, run_relu_6},
    {EQ_OP_TANH, EQ_FLOAT32, run_tanh},
    {EQ_OP_EXP, EQ_FLOAT32, run_exp},
    {EQ_OP_NEG, EQ_FLOAT32, run_neg},
    {EQ_OP_NEG, EQ_INT32, run_neg_i32},
    {EQ_OP_SIN, EQ_FLOAT32, run_sin},
    {EQ_OP_LOG, EQ_FLOAT32, run_log},
    {EQ_OP_SQRT, EQ_FLOAT32, run_sqrt},
    {EQ_OP_RSQRT, EQ_FLOAT32, run_rsqrt},
    {EQ_OP_SQUARE, EQ_FLOAT32, run_square},
    {EQ_OP_LEAKY_RELU, EQ_FLOAT32, run_leaky_relu},
    {EQ_OP_ABS, EQ_FLOAT32, run_abs},
    {EQ_OP_ABS, EQ_INT32, run_abs_i32},
    {EQ_OP_NEG, EQ_INT64, run_neg_i64},
    {EQ_OP_NEG, EQ_INT16, run_neg_i16},
    {EQ_OP_SIGN, EQ_FLOAT32, run_sign},
    {EQ_OP_SIGN, EQ_INT32, run_sign_i32},
    {EQ_OP_LOGICAL_NOT, EQ_BOOL, run_not},
    {EQ_OP_CEIL, EQ_FLOAT32, run_ceil},
    {EQ_OP_COS, EQ_FLOAT32, run_cos},
    {EQ_OP_ELU, EQ_FLOAT32, run_elu},
    {EQ_OP_ROUND, EQ_FLOAT32, run_round},
    {EQ_OP_HARD_SWISH, EQ_FLOAT32, run_hard_swish},
    {EQ_OP_GELU, EQ_FLOAT32, run_gelu},
    {EQ_OP_RELU_0_TO_1, EQ_FLOAT32, run_relu_0_to_1},
};

eq_elements_fn eq_plain_unary(int32_t code, eq_type type) {
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        if (runs[i].code == code && runs[i].type == type) {
            return runs[i].run;
        }
    }
    return NULL;
}
