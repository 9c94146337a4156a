/* Products of quantized int8 and int16, in LiteRT's own arithmetic; XNNPACK has none of these. */
#include "arithmetic/portable_math.h"
#include "ops/quantization.h"
#include "ops/reduce/reduce.h"
#include "plan/operator.h"

/* x * factor, rounded once, of up to 48 bits. (MultiplyByQuantizedMultiplier of int64) */
static int32_t multiply_wide(int64_t x, eq_fixed factor) {
    const int32_t multiplier = factor.multiplier < 0x7fff0000 ? (factor.multiplier + (1 << 15)) >> 16 : 0x7fff;
    const int32_t shift = eq_clamp(15 - factor.shift, 1, 62);
    const int64_t product = (int64_t)((uint64_t)x * (uint64_t)multiplier + (UINT64_C(1) << (shift - 1)));
    return (int32_t)(uint32_t)(uint64_t)(product >> shift);
}

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

static eq_status choose(eq_plan *plan, const eq_operator *op, eq_reduce *r) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    const eq_status status = eq_reduce_check_fixed(plan, op);
    if (status != EQ_OK) {
        return status;
    }
    r->reduction = in->type == EQ_INT8 ? &int8_product : &int16_product;
    r->in_zero_point = in->zero_points[0];
    r->out_zero_point = out->zero_points[0];
    if (r->elements == 1) { /* LiteRT copies the numbers, whatever the scales */
        r->out_zero_point = r->in_zero_point;
        r->factor = eq_fixed_from(1.0);
    } else {
        const double root = eq_exp(eq_log((double)out->scales[0]) * (1.0 / (double)(int32_t)r->elements));
        r->factor = eq_fixed_from((double)in->scales[0] / root);
    }
    return EQ_OK;
}

eq_status eq_prepare_product_of_all(eq_plan *plan, const eq_operator *op) {
    return eq_reduce_operator(plan, op, choose);
}

EQ_OPERATOR(REDUCE_PROD, eq_prepare_product_of_all, INT8);
EQ_OPERATOR(REDUCE_PROD, eq_prepare_product_of_all, INT16);
EQ_OPERATOR_NOTE(REDUCE_PROD, "not uint8");
