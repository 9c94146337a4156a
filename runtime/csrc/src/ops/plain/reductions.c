/* What reductions of plain numbers do with them. */
#include <math.h>
#include <string.h>

#include "kernels/inline.h"
#include "ops/integers.h"
#include "ops/reduce/normalization.h"
#include "ops/reduce/reduce.h"
#include "plan/operator.h"

/* ---- float32: in double, but for products and for sums of more than one channel ---- */

/* XNNPACK adds rows of channels in float32, one after the other: its bits. Sums along a row it makes in another order on each CPU. */
static bool sums_in_order(const eq_reduce *r) {
    return r->channels > 1;
}

static void start_floats(const eq_reduce *r, void *accumulators) {
    for (int32_t c = 0; c < r->channels; ++c) {
        ((double *)accumulators)[c] = r->code == EQ_OP_REDUCE_MAX    ? -INFINITY
                                      : r->code == EQ_OP_REDUCE_MIN  ? INFINITY
                                      : r->code == EQ_OP_REDUCE_PROD ? 1
                                                                     : 0;
    }
}

#define EACH(accumulator_t, expression)                                                    \
    for (int32_t i = 0; i < rows; ++i) {                                                   \
        const float *from = (const void *)((const uint8_t *)in + i * stride);              \
        for (int32_t c = 0; c < r->channels; ++c) {                                        \
            const accumulator_t value = from[c], old = ((accumulator_t *)accumulators)[c]; \
            ((accumulator_t *)accumulators)[c] = expression;                               \
        }                                                                                  \
    }                                                                                      \
    break;

enum { BLOCK = 16 }; /* channels whose sums stay in registers */

static void add_in_order(const float *in, ptrdiff_t stride, int32_t rows, int32_t channels, float *sums) {
    int32_t c = 0;
    for (; c <= channels - BLOCK; c += BLOCK) {
        const float *from = in + c;
        float block[BLOCK];
        memcpy(block, sums + c, sizeof block);
        for (int32_t i = 0; i < rows; ++i, from += stride) {
            EQ_UNROLL
            for (int lane = 0; lane < BLOCK; ++lane) {
                block[lane] += from[lane];
            }
        }
        memcpy(sums + c, block, sizeof block);
    }
    for (; c < channels; ++c) {
        for (int32_t i = 0; i < rows; ++i) {
            sums[c] += in[i * stride + c];
        }
    }
}

/* All values that there are. */
static double sum_of_row(const float *in, ptrdiff_t stride, int32_t n) {
    if (stride == 1) {
        return eq_sum_of_row(in, n);
    }
    double lanes[4] = {0};
    for (int32_t i = 0; i < n; ++i) {
        lanes[i % 4] += (double)in[i * stride];
    }
    return ((lanes[0] + lanes[1]) + lanes[2]) + lanes[3];
}

static void add_floats(const eq_reduce *r, const void *in, ptrdiff_t stride, int32_t rows, void *accumulators) {
    switch (r->code) {
    case EQ_OP_REDUCE_MAX:
        EACH(double, value > old ? value : old)
    case EQ_OP_REDUCE_MIN:
        EACH(double, value < old ? value : old)
    case EQ_OP_REDUCE_PROD:
        EACH(double, (float)old *(float)value)
    default:
        if (sums_in_order(r)) {
            add_in_order(in, stride / (ptrdiff_t)sizeof(float), rows, r->channels, accumulators);
        } else if (r->reduced_count == 1) { /* all in one call */
            *(double *)accumulators = sum_of_row(in, stride / (ptrdiff_t)sizeof(float), rows);
        } else {
            EACH(double, old + value)
        }
    }
}

static void finish_floats(const eq_reduce *r, const void *accumulators, void *out) {
    const bool is_sum = r->code == EQ_OP_SUM || r->code == EQ_OP_MEAN, is_mean = r->code == EQ_OP_MEAN;
    for (int32_t c = 0; c < r->channels; ++c) {
        if (is_sum && sums_in_order(r)) {
            const float sum = ((const float *)accumulators)[c];
            ((float *)out)[c] = is_mean ? sum * (1.0f / (float)r->elements) : sum;
        } else {
            const double value = ((const double *)accumulators)[c];
            ((float *)out)[c] = (float)(is_mean ? value / (double)r->elements : value);
        }
    }
}

/* ---- integers: in int64; sums and products wrap, a mean loses its fraction, as in LiteRT; ANY and ALL are of bools ---- */

static void start_integers(const eq_reduce *r, void *accumulators) {
    for (int32_t c = 0; c < r->channels; ++c) {
        ((int64_t *)accumulators)[c] = r->code == EQ_OP_REDUCE_MAX                                   ? INT64_MIN
                                       : r->code == EQ_OP_REDUCE_MIN                                 ? INT64_MAX
                                       : r->code == EQ_OP_REDUCE_PROD || r->code == EQ_OP_REDUCE_ALL ? 1
                                                                                                     : 0;
    }
}

static int64_t combined(int32_t code, int64_t old, int64_t value) {
    switch (code) {
    case EQ_OP_REDUCE_MAX:
        return value > old ? value : old;
    case EQ_OP_REDUCE_MIN:
        return value < old ? value : old;
    case EQ_OP_REDUCE_PROD:
        return (int64_t)((uint64_t)old * (uint64_t)value);
    case EQ_OP_REDUCE_ANY:
        return old | value;
    case EQ_OP_REDUCE_ALL:
        return old & value;
    default:
        return (int64_t)((uint64_t)old + (uint64_t)value);
    }
}

static void add_integers(const eq_reduce *r, const void *in, ptrdiff_t stride, int32_t rows, void *accumulators) {
    for (int32_t i = 0; i < rows; ++i) {
        for (int32_t c = 0; c < r->channels; ++c) {
            int64_t *accumulator = (int64_t *)accumulators + c;
            *accumulator = combined(r->code, *accumulator, eq_integer_at(r->type, (const uint8_t *)in + i * stride, (size_t)c));
        }
    }
}

static void finish_integers(const eq_reduce *r, const void *accumulators, void *out) {
    for (int32_t c = 0; c < r->channels; ++c) {
        const int64_t value = ((const int64_t *)accumulators)[c];
        eq_put_integer(r->type, out, (size_t)c, r->code == EQ_OP_MEAN ? value / r->elements : value);
    }
}

/* ---- preparing ---- */

static bool takes(int32_t code, eq_type type) {
    switch (type) {
    case EQ_FLOAT32:
    case EQ_INT32:
    case EQ_INT64:
        return code != EQ_OP_REDUCE_ANY && code != EQ_OP_REDUCE_ALL;
    case EQ_INT16:
        return code == EQ_OP_REDUCE_MAX || code == EQ_OP_REDUCE_MIN;
    case EQ_BOOL:
        return code == EQ_OP_REDUCE_ANY || code == EQ_OP_REDUCE_ALL;
    default:
        return false;
    }
}

static eq_status choose(eq_plan *plan, const eq_operator *op, eq_reduce *r) {
    static const eq_reduction floats = {sizeof(double), start_floats, add_floats, finish_floats};
    static const eq_reduction integers = {sizeof(int64_t), start_integers, add_integers, finish_integers};
    const eq_type type = eq_plan_input(plan, op, 0)->type;
    r->reduction = type == EQ_FLOAT32 ? &floats : &integers;
    r->code = op->code;
    r->type = type;
    return takes(op->code, type)
               ? EQ_OK
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
EQ_OPERATOR_FLOAT16(MEAN, SUM, REDUCE_MAX, REDUCE_MIN);
