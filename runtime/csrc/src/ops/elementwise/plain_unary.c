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

/* The loop of a case: out[i] = expression, of x and of the operator's options. */
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

static bool run_f32(const eq_unary *options, const void *from, void *to, size_t n) {
    switch (options->code) {
    case EQ_OP_FLOOR:
        RUN(float, floorf(x))
    case EQ_OP_LOGISTIC:
        RUN(float, eq_logistic_f32(x))
    case EQ_OP_RELU:
        RUN(float, x < 0 ? 0 : x)
    case EQ_OP_RELU_N1_TO_1:
        RUN(float, within(x, -1, 1))
    case EQ_OP_RELU6:
        RUN(float, within(x, 0, 6))
    case EQ_OP_TANH:
        RUN(float, eq_tanh_f32(x))
    case EQ_OP_EXP:
        RUN(float, eq_exp_f32(x))
    case EQ_OP_NEG:
        RUN(float, -x)
    case EQ_OP_SIN:
        RUN(float, eq_sine_f32(x, 0))
    case EQ_OP_LOG:
        RUN(float, eq_log_f32(x))
    case EQ_OP_SQRT:
        RUN(float, sqrtf(x))
    case EQ_OP_RSQRT:
        RUN(float, 1.0f / sqrtf(x))
    case EQ_OP_SQUARE:
        RUN(float, x *x)
    case EQ_OP_LEAKY_RELU:
        RUN(float, x < 0 ? x * options->alpha : x)
    case EQ_OP_ABS:
        RUN(float, fabsf(x))
    case EQ_OP_SIGN:
        RUN(float, (float)((x > 0) - (x < 0)))
    case EQ_OP_CEIL:
        RUN(float, ceilf(x))
    case EQ_OP_COS:
        RUN(float, eq_sine_f32(x, 1))
    case EQ_OP_ELU:
        RUN(float, x < 0 ? eq_exp_minus_1_f32(x) : x)
    case EQ_OP_ROUND:
        RUN(float, nearbyintf(x))
    case EQ_OP_HARD_SWISH:
        RUN(float, hard_swish(x))
    case EQ_OP_GELU:
        RUN(float, gelu(x, options->approximate))
    case EQ_OP_RELU_0_TO_1:
        RUN(float, within(x, 0, 1))
    default:
        return false;
    }
}

/* Integers wrap. */
static bool run_i32(const eq_unary *options, const void *from, void *to, size_t n) {
    switch (options->code) {
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

bool eq_plain_unary(const eq_unary *options, const void *from, void *to, size_t n) {
    switch (options->type) {
    case EQ_FLOAT32:
        return run_f32(options, from, to, n);
    case EQ_INT32:
        return run_i32(options, from, to, n);
    default:
        break;
    }
    if (options->code == EQ_OP_LOGICAL_NOT && options->type == EQ_BOOL) {
        RUN(uint8_t, x == 0)
    }
    if (options->code != EQ_OP_NEG) {
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
