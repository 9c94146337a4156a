/* Sums and means of int16, and products of int8 and int16, in LiteRT's own arithmetic; XNNPACK has none of these. */
#include <math.h>

#include "arithmetic/portable_math.h"
#include "ops/quantization.h"
#include "plan/operator.h"
#include "reduce.h"

/* x * factor, rounded once, of up to 48 bits. (MultiplyByQuantizedMultiplier of int64) */
static int32_t multiply_wide(int64_t x, eq_fixed factor) {
    const int32_t multiplier = factor.multiplier < 0x7fff0000 ? (factor.multiplier + (1 << 15)) >> 16 : 0x7fff;
    const int32_t shift = eq_clamp(15 - factor.shift, 1, 62);
    const int64_t product = (int64_t)((uint64_t)x * (uint64_t)multiplier + (UINT64_C(1) << (shift - 1)));
    return (int32_t)(uint32_t)(uint64_t)(product >> shift);
}

static void start_zero(const eq_reduce *r, void *accumulators) {
    for (int32_t c = 0; c < r->channels; ++c) {
        ((int64_t *)accumulators)[c] = 0;
    }
}

static void add_int16(const eq_reduce *r, const void *in, ptrdiff_t stride, int32_t rows, void *accumulators) {
    for (int32_t i = 0; i < rows; ++i) {
        const int16_t *from = (const void *)((const uint8_t *)in + i * stride);
        for (int32_t c = 0; c < r->channels; ++c) {
            ((int64_t *)accumulators)[c] += from[c];
        }
    }
}

static void finish_sum(const eq_reduce *r, const void *accumulators, void *out) {
    for (int32_t c = 0; c < r->channels; ++c) {
        const float x = roundf((float)((const int64_t *)accumulators)[c] * r->scale);
        ((int16_t *)out)[c] = (int16_t)fminf(fmaxf(x, INT16_MIN), INT16_MAX);
    }
}

static void finish_mean(const eq_reduce *r, const void *accumulators, void *out) {
    for (int32_t c = 0; c < r->channels; ++c) {
        const int32_t sum = (int32_t)(uint32_t)(uint64_t)((const int64_t *)accumulators)[c];
        ((int16_t *)out)[c] = (int16_t)eq_clamp(eq_fixed_multiply(sum, r->factor), INT16_MIN, INT16_MAX);
    }
}

static const eq_reduction int16_sum = {sizeof(int64_t), start_zero, add_int16, finish_sum};
static const eq_reduction int16_mean = {sizeof(int64_t), start_zero, add_int16, finish_mean};

/* Each product is scaled, so that none is large: `factor` is the input's scale over the n-th root of the output's. */
enum { NONE_YET = INT32_MIN };

static void start_product(const eq_reduce *r, void *accumulators) {
    for (int32_t c = 0; c < r->channels; ++c) {
        ((int32_t *)accumulators)[c] = NONE_YET;
    }
}

#define PRODUCT(suffix, type, lowest, highest)                                                                              \
    static void multiply_##suffix(const eq_reduce *r, const void *in, ptrdiff_t stride, int32_t rows, void *accumulators) { \
        for (int32_t i = 0; i < rows; ++i) {                                                                                \
            const type *from = (const void *)((const uint8_t *)in + i * stride);                                            \
            for (int32_t c = 0; c < r->channels; ++c) {                                                                     \
                int32_t *product = (int32_t *)accumulators + c;                                                             \
                const int32_t x = from[c] - r->in_zero_point;                                                               \
                *product = *product == NONE_YET ? x : multiply_wide((int64_t)*product * x, r->factor);                      \
            }                                                                                                               \
        }                                                                                                                   \
    }                                                                                                                       \
    static void finish_product_##suffix(const eq_reduce *r, const void *accumulators, void *out) {                          \
        for (int32_t c = 0; c < r->channels; ++c) {                                                                         \
            const int32_t x = multiply_wide(((const int32_t *)accumulators)[c], r->factor);                                 \
            ((type *)out)[c] = (type)eq_clamp(eq_add_wrapping(x, r->out_zero_point), lowest, highest);                      \
        }                                                                                                                   \
    }

PRODUCT(int8, int8_t, INT8_MIN, INT8_MAX)
PRODUCT(int16, int16_t, INT16_MIN, INT16_MAX)

static const eq_reduction int8_product = {sizeof(int32_t), start_product, multiply_int8, finish_product_int8};
static const eq_reduction int16_product = {sizeof(int32_t), start_product, multiply_int16, finish_product_int16};

/* The mean's divisor is part of its factor, in as many bits as fit. (QuantizedMeanOrSum) */
static eq_fixed divided(eq_fixed factor, int64_t by) {
    int32_t shift = 63 - __builtin_clzll((unsigned long long)by);
    shift = shift < 31 + factor.shift ? shift : 31 + factor.shift;
    shift = shift < 0 ? 0 : shift;
    return (eq_fixed){(int32_t)(((int64_t)factor.multiplier << shift) / by), factor.shift - shift};
}

static void set_factor(eq_reduce *r, int32_t code, const eq_tensor *in, const eq_tensor *out) {
    r->in_zero_point = in->zero_points[0];
    r->out_zero_point = out->zero_points[0];
    r->scale = in->scales[0] / out->scales[0];
    if (code == EQ_OP_REDUCE_PROD && r->elements == 1) { /* LiteRT copies the numbers, whatever the scales */
        r->out_zero_point = r->in_zero_point;
        r->factor = eq_fixed_from(1.0);
    } else if (code == EQ_OP_REDUCE_PROD) {
        const double root = eq_exp(eq_log((double)out->scales[0]) * (1.0 / (double)(int32_t)r->elements));
        r->factor = eq_fixed_from((double)in->scales[0] / root);
    } else {
        r->factor = divided(eq_fixed_from((double)in->scales[0] / (double)out->scales[0]), r->elements);
    }
}

static eq_status choose(eq_plan *plan, const eq_operator *op, eq_reduce *r) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    const bool narrow = in->type == EQ_INT8;
    eq_status (*check)(eq_plan *, const eq_operator *, const eq_tensor *, const char *) =
        narrow ? eq_check_int8 : eq_check_int16;
    eq_status status;
    if ((status = check(plan, op, in, "its input")) != EQ_OK || (status = check(plan, op, out, "its output")) != EQ_OK) {
        return status;
    }
    if (!narrow && (in->zero_points[0] != 0 || out->zero_points[0] != 0)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes int16 without zero points only");
    }
    if (in->file_type == EQ_UINT8) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take uint8 tensors");
    }
    r->reduction = narrow                   ? &int8_product
                   : op->code == EQ_OP_MEAN ? &int16_mean
                   : op->code == EQ_OP_SUM  ? &int16_sum
                                            : &int16_product;
    set_factor(r, op->code, in, out);
    return EQ_OK;
}

eq_status eq_prepare_reduce_fixed(eq_plan *plan, const eq_operator *op) {
    return eq_reduce_operator(plan, op, choose);
}

EQ_OPERATOR(MEAN, eq_prepare_reduce_fixed, INT16);
EQ_OPERATOR(SUM, eq_prepare_reduce_fixed, INT16);
EQ_OPERATOR(REDUCE_PROD, eq_prepare_reduce_fixed, INT8);
EQ_OPERATOR(REDUCE_PROD, eq_prepare_reduce_fixed, INT16);
EQ_OPERATOR_NOTE(REDUCE_PROD, "not uint8");
