/* Sums and means of int16 in LiteRT's own arithmetic; XNNPACK has none of these. */
#include <math.h>

#include "ops/quantization.h"
#include "plan/operator.h"
#include "reduce.h"

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

/* The mean's divisor is part of its factor, in as many bits as fit. (QuantizedMeanOrSum) */
static eq_fixed divided(eq_fixed factor, int64_t by) {
    int32_t shift = 63 - __builtin_clzll((unsigned long long)by);
    shift = shift < 31 + factor.shift ? shift : 31 + factor.shift;
    shift = shift < 0 ? 0 : shift;
    return (eq_fixed){(int32_t)(((int64_t)factor.multiplier << shift) / by), factor.shift - shift};
}

static eq_status choose(eq_plan *plan, const eq_operator *op, eq_reduce *r) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    const eq_status status = eq_reduce_check_fixed(plan, op);
    if (status != EQ_OK) {
        return status;
    }
    r->reduction = op->code == EQ_OP_MEAN ? &int16_mean : &int16_sum;
    r->scale = in->scales[0] / out->scales[0];
    r->factor = divided(eq_fixed_from((double)in->scales[0] / (double)out->scales[0]), r->elements);
    return EQ_OK;
}

eq_status eq_prepare_reduce_fixed(eq_plan *plan, const eq_operator *op) {
    return eq_reduce_operator(plan, op, choose);
}

EQ_OPERATOR(MEAN, eq_prepare_reduce_fixed, INT16);
EQ_OPERATOR(SUM, eq_prepare_reduce_fixed, INT16);
