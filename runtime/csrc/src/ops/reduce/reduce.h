/* How a reduction goes through its input, and what it does with the values that it meets. */
#ifndef EQ_REDUCE_H
#define EQ_REDUCE_H

#include "arithmetic/fixed_point.h"
#include "plan/plan.h"
#include "ops/move/move.h"

typedef struct eq_reduce eq_reduce;

/* One result is (channels) values, made of rows of so many adjacent input values. */
typedef struct eq_reduction {
    size_t accumulator; /* bytes for a channel */
    void (*start)(const eq_reduce *reduce, void *accumulators);
    void (*add)(const eq_reduce *reduce, const void *in, ptrdiff_t stride, int32_t rows, void *accumulators);
    void (*finish)(const eq_reduce *reduce, const void *accumulators, void *out);
} eq_reduction;

typedef struct eq_reduce_loop {
    int32_t count;
    eq_place step;
} eq_reduce_loop;

struct eq_reduce {
    const eq_reduction *reduction;
    const eq_kernels *kernels;
    int32_t kept_count, reduced_count;                      /* at least one reduced loop */
    eq_reduce_loop kept[EQ_MAX_RANK], reduced[EQ_MAX_RANK]; /* outermost first */
    int32_t channels;
    int64_t elements; /* input values for one output value */
    size_t element;
    float scale, offset; /* of quantized sums */
    eq_fixed factor;     /* of int16 means and quantized products */
    int32_t in_zero_point, out_zero_point;
};

/* int8 sums and means (uint8 ones in the file), largest and smallest. */
extern const eq_reduction eq_reduce_int8_scaled, eq_reduce_uint8_scaled, eq_reduce_int8_max, eq_reduce_int8_min;
/* Sums and means of int16, products; they want eq_reduce_set_factor, after the loops are planned. (reductions_fixed.c) */
extern const eq_reduction eq_reduce_int16_sum, eq_reduce_int16_mean, eq_reduce_int8_product, eq_reduce_int16_product;
void eq_reduce_set_factor(eq_reduce *reduce, int32_t code, const eq_tensor *in, const eq_tensor *out);
/* The same of plain numbers, or NULL. `mean`: a sum to be divided. */
const eq_reduction *eq_reduce_plain(int32_t code, eq_type type);

#endif
