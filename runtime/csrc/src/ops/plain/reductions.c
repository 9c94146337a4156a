/* What reductions of plain numbers do with them. */
#include "ops/reduce/reduce.h"
#include "plan/operator.h"

#include <string.h>

/* float32 in double, but for sums of more than one channel; int32 in int64; an int32 sum wraps, an int32 mean loses its fraction, as in LiteRT. */

static void start_zero(const eq_reduce *r, void *accumulators) {
    memset(accumulators, 0, (size_t)r->channels * r->reduction->accumulator);
}

#define START(name, accumulator_t, value)                      \
    static void name(const eq_reduce *r, void *accumulators) { \
        for (int32_t c = 0; c < r->channels; ++c)              \
            ((accumulator_t *)accumulators)[c] = value;        \
    }

#define ADD(name, type, accumulator_t, expression)                                                             \
    static void name(const eq_reduce *r, const void *in, ptrdiff_t stride, int32_t rows, void *accumulators) { \
        for (int32_t i = 0; i < rows; ++i) {                                                                   \
            const type *from = (const void *)((const uint8_t *)in + i * stride);                               \
            for (int32_t c = 0; c < r->channels; ++c) {                                                        \
                const accumulator_t value = from[c], old = ((accumulator_t *)accumulators)[c];                 \
                ((accumulator_t *)accumulators)[c] = expression;                                               \
            }                                                                                                  \
        }                                                                                                      \
    }

#define FINISH(name, type, accumulator_t, expression)                             \
    static void name(const eq_reduce *r, const void *accumulators, void *out) {   \
        for (int32_t c = 0; c < r->channels; ++c) {                               \
            const accumulator_t value = ((const accumulator_t *)accumulators)[c]; \
            ((type *)out)[c] = (type)(expression);                                \
        }                                                                         \
    }

/* XNNPACK adds rows of channels in float32, one after the other: its bits. Sums along a row it makes in another order on each CPU. */
static bool sums_in_order(const eq_reduce *r) {
    return r->channels > 1;
}

START(start_double_lowest, double, -__builtin_inf())
START(start_double_highest, double, __builtin_inf())
START(start_int64_lowest, int64_t, INT64_MIN)
START(start_int64_highest, int64_t, INT64_MAX)
ADD(add_in_order, float, float, old + value)
ADD(add_exactly, float, double, old + value)
ADD(add_int32, int32_t, int64_t, old + value)
ADD(max_float, float, double, value > old ? value : old)
ADD(max_int32, int32_t, int64_t, value > old ? value : old)
ADD(min_float, float, double, value < old ? value : old)
ADD(min_int32, int32_t, int64_t, value < old ? value : old)
FINISH(finish_float, float, double, value)
FINISH(finish_in_order, float, float, value)
FINISH(finish_mean_in_order, float, float, value * (1.0f / (float)r->elements))
FINISH(finish_exact_mean, float, double, value / (double)r->elements)
FINISH(finish_int32, int32_t, int64_t, (uint32_t)(uint64_t)value)
FINISH(finish_int32_mean, int32_t, int64_t, value / r->elements)

static void add_float(const eq_reduce *r, const void *in, ptrdiff_t stride, int32_t rows, void *accumulators) {
    (sums_in_order(r) ? add_in_order : add_exactly)(r, in, stride, rows, accumulators);
}

static void finish_float_sum(const eq_reduce *r, const void *accumulators, void *out) {
    (sums_in_order(r) ? finish_in_order : finish_float)(r, accumulators, out);
}

static void finish_float_mean(const eq_reduce *r, const void *accumulators, void *out) {
    (sums_in_order(r) ? finish_mean_in_order : finish_exact_mean)(r, accumulators, out);
}

/* Products are in float and wrap in integers; ANY and ALL are of bools. */
START(start_one_float, float, 1)
START(start_one_int64, uint64_t, 1)
START(start_true, uint8_t, 1)
ADD(multiply_float, float, float, old *value)
ADD(multiply_int32, uint32_t, uint64_t, old *value)
ADD(multiply_int64, uint64_t, uint64_t, old *value)
ADD(add_int64, uint64_t, uint64_t, old + value)
ADD(max_int64, int64_t, int64_t, value > old ? value : old)
ADD(min_int64, int64_t, int64_t, value < old ? value : old)
FINISH(finish_int64_mean, int64_t, int64_t, value / r->elements)
START(start_int16_lowest, int16_t, INT16_MIN)
START(start_int16_highest, int16_t, INT16_MAX)
ADD(max_int16, int16_t, int16_t, value > old ? value : old)
ADD(min_int16, int16_t, int16_t, value < old ? value : old)
FINISH(finish_int16, int16_t, int16_t, value)
ADD(either, uint8_t, uint8_t, (old | value) != 0)
ADD(both, uint8_t, uint8_t, (old & (value != 0)) != 0)
FINISH(finish_product, float, float, value)
FINISH(finish_low_half, uint32_t, uint64_t, value)
FINISH(finish_int64, int64_t, int64_t, value)
FINISH(finish_bool, uint8_t, uint8_t, value)

static const eq_reduction *find_reduction(int32_t code, eq_type type) {
    static const struct {
        int32_t code;
        eq_type type;
        eq_reduction reduction;
    } all[] = {
        {EQ_OP_MEAN, EQ_FLOAT32, {sizeof(double), start_zero, add_float, finish_float_mean}},
        {EQ_OP_SUM, EQ_FLOAT32, {sizeof(double), start_zero, add_float, finish_float_sum}},
        {EQ_OP_REDUCE_MAX, EQ_FLOAT32, {sizeof(double), start_double_lowest, max_float, finish_float}},
        {EQ_OP_REDUCE_MIN, EQ_FLOAT32, {sizeof(double), start_double_highest, min_float, finish_float}},
        {EQ_OP_MEAN, EQ_INT32, {sizeof(int64_t), start_zero, add_int32, finish_int32_mean}},
        {EQ_OP_SUM, EQ_INT32, {sizeof(int64_t), start_zero, add_int32, finish_int32}},
        {EQ_OP_REDUCE_MAX, EQ_INT32, {sizeof(int64_t), start_int64_lowest, max_int32, finish_int32}},
        {EQ_OP_REDUCE_MIN, EQ_INT32, {sizeof(int64_t), start_int64_highest, min_int32, finish_int32}},
        {EQ_OP_REDUCE_MAX, EQ_INT16, {sizeof(int16_t), start_int16_lowest, max_int16, finish_int16}},
        {EQ_OP_REDUCE_MIN, EQ_INT16, {sizeof(int16_t), start_int16_highest, min_int16, finish_int16}},
        {EQ_OP_MEAN, EQ_INT64, {sizeof(int64_t), start_zero, add_int64, finish_int64_mean}},
        {EQ_OP_SUM, EQ_INT64, {sizeof(int64_t), start_zero, add_int64, finish_int64}},
        {EQ_OP_REDUCE_MAX, EQ_INT64, {sizeof(int64_t), start_int64_lowest, max_int64, finish_int64}},
        {EQ_OP_REDUCE_MIN, EQ_INT64, {sizeof(int64_t), start_int64_highest, min_int64, finish_int64}},
        {EQ_OP_REDUCE_PROD, EQ_FLOAT32, {sizeof(float), start_one_float, multiply_float, finish_product}},
        {EQ_OP_REDUCE_PROD, EQ_INT32, {sizeof(int64_t), start_one_int64, multiply_int32, finish_low_half}},
        {EQ_OP_REDUCE_PROD, EQ_INT64, {sizeof(int64_t), start_one_int64, multiply_int64, finish_int64}},
        {EQ_OP_REDUCE_ANY, EQ_BOOL, {sizeof(uint8_t), start_zero, either, finish_bool}},
        {EQ_OP_REDUCE_ALL, EQ_BOOL, {sizeof(uint8_t), start_true, both, finish_bool}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        if (all[i].code == code && all[i].type == type) {
            return &all[i].reduction;
        }
    }
    return NULL;
}

static eq_status choose(eq_plan *plan, const eq_operator *op, eq_reduce *r) {
    const eq_type type = eq_plan_input(plan, op, 0)->type;
    r->reduction = find_reduction(op->code, type);
    return r->reduction ? EQ_OK
                        : eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(type));
}

eq_status eq_prepare_reduce_plain(eq_plan *plan, const eq_operator *op) {
    return eq_reduce_operator(plan, op, choose);
}

EQ_OPERATOR(MEAN, eq_prepare_reduce_plain, ANY);
EQ_OPERATOR(SUM, eq_prepare_reduce_plain, ANY);
EQ_OPERATOR(REDUCE_MAX, eq_prepare_reduce_plain, ANY);
EQ_OPERATOR(REDUCE_MIN, eq_prepare_reduce_plain, ANY);
EQ_OPERATOR(REDUCE_PROD, eq_prepare_reduce_plain, ANY);
EQ_OPERATOR(REDUCE_ANY, eq_prepare_reduce_plain, BOOL);
EQ_OPERATOR(REDUCE_ALL, eq_prepare_reduce_plain, BOOL);
