/* What reductions do with the values that they meet. */
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "read/operator_codes.h"
#include "reduce.h"

/* ---- int8 ---- */

enum { LANES = 16 }; /* inner loops of so many turn into vector code */

static void start_zero(const eq_reduce *r, void *accumulators) {
    memset(accumulators, 0, (size_t)r->channels * r->reduction->accumulator);
}

static void add_int8(const eq_reduce *r, const void *in, ptrdiff_t stride, int32_t rows, void *accumulators) {
    const int8_t *from = in;
    int32_t *sums = accumulators;
    if (r->channels > 1) {
        r->kernels->sum_rows(from, stride, rows, r->channels, sums);
        return;
    }
    int32_t sum = 0, i = 0; /* the kernels like many channels */
    for (; stride == 1 && i <= rows - LANES; i += LANES) {
        int32_t part = 0;
        for (int32_t lane = 0; lane < LANES; ++lane) {
            part += from[i + lane];
        }
        sum += part;
    }
    for (; i < rows; ++i) {
        sum += from[i * stride];
    }
    sums[0] += sum;
}

static void finish_scaled(const eq_reduce *r, const void *accumulators, void *out) {
    if (r->channels == 1) {
        *(int8_t *)out = eq_scale_sum(*(const int32_t *)accumulators, r->scale, r->offset);
        return;
    }
    r->kernels->scale_sums(accumulators, r->scale, r->offset, out, (size_t)r->channels);
}

const eq_reduction eq_reduce_int8_scaled = {sizeof(int32_t), start_zero, add_int8, finish_scaled};

/* In a file with uint8 values, which are 128 more, the roundings are those of the larger numbers. */
static void finish_scaled_uint8(const eq_reduce *r, const void *accumulators, void *out) {
    const int32_t *sums = accumulators;
    int8_t *to = out;
    for (int32_t c = 0; c < r->channels; ++c) {
        float x = (float)(sums[c] + 128 * (int32_t)r->elements) * r->scale;
        x = x + r->offset;
        x = x < 0.0f ? 0.0f : x;
        x = x > 255.0f ? 255.0f : x;
        to[c] = (int8_t)(eq_round(x) - 128);
    }
}

const eq_reduction eq_reduce_uint8_scaled = {sizeof(int32_t), start_zero, add_int8, finish_scaled_uint8};

static void start_lowest(const eq_reduce *r, void *accumulators) {
    memset(accumulators, -128, (size_t)r->channels);
}

static void start_highest(const eq_reduce *r, void *accumulators) {
    memset(accumulators, 127, (size_t)r->channels);
}

static void add_max(const eq_reduce *r, const void *in, ptrdiff_t stride, int32_t rows, void *accumulators) {
    r->kernels->max_rows(in, stride, rows, r->channels, accumulators);
}

static void add_min(const eq_reduce *r, const void *in, ptrdiff_t stride, int32_t rows, void *accumulators) {
    for (int32_t i = 0; i < rows; ++i) {
        r->kernels->minimum((const int8_t *)in + i * stride, accumulators, accumulators, (size_t)r->channels);
    }
}

static void finish_as_is(const eq_reduce *r, const void *accumulators, void *out) {
    memcpy(out, accumulators, (size_t)r->channels);
}

const eq_reduction eq_reduce_int8_max = {sizeof(int8_t), start_lowest, add_max, finish_as_is};
const eq_reduction eq_reduce_int8_min = {sizeof(int8_t), start_highest, add_min, finish_as_is};

/* ---- float32 in double, but for sums of more than one channel; int32 in int64; an int32 sum wraps, an int32 mean loses its fraction, as in LiteRT ---- */

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

const eq_reduction *eq_reduce_plain(int32_t code, eq_type type) {
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
