/* Elementwise functions of float32 in C, without branches, so that compilers make vectors of the loops: a set that does includes this for
 * its CPU, after PREFIX(name) and UNARY_LANES: the loops go over so many values at once, a multiple of what a vector has, for then none of
 * them needs a loop over the rest beside it, nor one for arrays that overlap: half of the code. The same bits in every set, as no operation
 * is reordered, and none fused but where that changes no result. */
#include <math.h>
#include <string.h>

#if defined(__FMA__) || defined(__aarch64__)
#define EQ_MULTIPLY_ADD(a, b, c) __builtin_fma(a, b, c)
#endif
#include "arithmetic/functions_f32.h"
#include "kernels.h"
#include "read/operator_codes.h"

static float within(float x, float min, float max) {
    return x < min ? min : x > max ? max : x;
}

/* XNNPACK's x / 6 + 1/2 is a fused multiply-add. In double precision the product is exact, and the sum rounded twice, with the same result
 * for each of the 2^32 numbers. */
static float hard_swish(float x) {
#ifdef __FMA__
    const float gate = __builtin_fmaf(x, 1.0f / 6, 0.5f);
#else
    const float gate = (float)((double)x * (double)(1.0f / 6) + 0.5);
#endif
    return x * within(gate, 0, 1);
}

static float gelu_by_tanh(float x) {
    return 0.5f * x * (1.0f + eq_tanh_f32(0.7978845608028654f * (x + 0.044715f * x * x * x)));
}

#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed" /* sines call a function, and not every CPU has vectors */
#define EACH_ALONE _Pragma("clang loop vectorize(assume_safety)")
#else
#define EACH_ALONE _Pragma("GCC ivdep")
#endif

/* The loop of a case: out[i] = expression, of x. `in` is `out` or does not meet it. */
#define RUN(expression)                                      \
    {                                                        \
        EACH_ALONE                                           \
        for (size_t i = 0; i < UNARY_LANES * vectors; i++) { \
            const float x = in[i];                           \
            out[i] = (expression);                           \
        }                                                    \
        return true;                                         \
    }

#ifdef RUNS_LOGISTIC /* the set has vectors of its own */
static void run_logistic(const float *in, float *out, size_t vectors);
#endif

static bool run_whole(const eq_unary_f32 *options, const float *in, float *out, size_t vectors) {
    const float alpha = options->alpha;
    switch (options->code) {
    case EQ_OP_FLOOR:
        RUN(floorf(x))
    case EQ_OP_LOGISTIC:
#ifdef RUNS_LOGISTIC
        run_logistic(in, out, vectors);
        return true;
#else
        RUN(eq_logistic_f32(x))
#endif
    case EQ_OP_RELU:
        RUN(x < 0 ? 0 : x)
    case EQ_OP_RELU_N1_TO_1:
        RUN(within(x, -1, 1))
    case EQ_OP_RELU6:
        RUN(within(x, 0, 6))
    case EQ_OP_TANH:
        RUN(eq_tanh_f32(x))
    case EQ_OP_EXP:
        RUN(eq_exp_f32(x))
    case EQ_OP_NEG:
        RUN(-x)
    case EQ_OP_SIN:
    case EQ_OP_COS:
        RUN(eq_sine_f32(x, options->code == EQ_OP_COS))
    case EQ_OP_LOG:
        RUN(eq_log_f32(x))
    case EQ_OP_SQRT:
        RUN(sqrtf(x))
    case EQ_OP_RSQRT:
        RUN(1.0f / sqrtf(x))
    case EQ_OP_SQUARE:
        RUN(x * x)
    case EQ_OP_LEAKY_RELU:
        RUN(x < 0 ? x * alpha : x)
    case EQ_OP_ABS:
        RUN(fabsf(x))
    case EQ_OP_SIGN:
        RUN((float)((x > 0) - (x < 0)))
    case EQ_OP_CEIL:
        RUN(ceilf(x))
    case EQ_OP_ELU:
        RUN(x < 0 ? eq_exp_minus_1_f32(x) : x)
    case EQ_OP_ROUND:
        RUN(nearbyintf(x))
    case EQ_OP_HARD_SWISH:
        RUN(hard_swish(x))
    case EQ_OP_GELU:
        if (options->approximate) {
            RUN(gelu_by_tanh(x))
        }
        RUN(eq_gelu_f32(x))
    case EQ_OP_RELU_0_TO_1:
        RUN(within(x, 0, 1))
    default:
        return false;
    }
}

bool PREFIX(unary_f32)(const eq_unary_f32 *options, const float *in, float *out, size_t n) {
    const size_t vectors = n / UNARY_LANES, left = n % UNARY_LANES;
    if (left > 0) {
        float rest[UNARY_LANES] = {0};
        memcpy(rest, in + n - left, left * sizeof *rest);
        (void)run_whole(options, rest, rest, 1);
        memcpy(out + n - left, rest, left * sizeof *rest);
    }
    return run_whole(options, in, out, vectors);
}
