/* What reductions do with int8 values. */
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "reduce.h"

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
