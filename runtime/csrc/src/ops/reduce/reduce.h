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
    int32_t code; /* of the operator */
    eq_type type;
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

/* Sets what an operator does with values; the loops are planned. */
typedef eq_status (*eq_reduction_rule)(eq_plan *plan, const eq_operator *op, eq_reduce *reduce);
eq_status eq_reduce_operator(eq_plan *plan, const eq_operator *op, eq_reduction_rule choose);
/* That input and output are int8, or int16 without zero points, and not uint8 in the file. */
eq_status eq_reduce_check_fixed(eq_plan *plan, const eq_operator *op);

#endif
