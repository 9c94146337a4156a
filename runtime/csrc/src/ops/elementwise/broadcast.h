/* Elementwise operators of two inputs whose shapes broadcast, as in numpy: one driver over adjacent runs of values. */
#ifndef EQ_BROADCAST_H
#define EQ_BROADCAST_H

#include "plan/plan.h"

/* `n` values of out from `n` of a and `n` of b, or from one of b. */
typedef void (*eq_binary_run_fn)(const void *parameters, const void *a, const void *b, void *out, size_t n);

typedef struct eq_binary {
    eq_binary_run_fn run, run_scalar; /* run_scalar: b is one value */
    const void *parameters;
} eq_binary;

/* How the operator's two inputs meet. The inputs may be swapped, so that it is always b that is a scalar. */
typedef struct eq_broadcast {
    int32_t slots[2]; /* which of the operator's inputs are a and b */
    int32_t rank, dims[EQ_MAX_RANK];
    /* Elements between neighbours along each dimension; 0: the input is repeated along it. */
    ptrdiff_t strides[2][EQ_MAX_RANK];
    /* The innermost dimensions, merged where both inputs allow it: `middle` runs of `inner` values. */
    int32_t middle, inner;
    ptrdiff_t middle_strides[2];
    bool scalar; /* b is one value during an inner run */
} eq_broadcast;

/* Find out how the inputs broadcast, and give the output its shape. */
eq_status eq_broadcast_shape(eq_plan *plan, const eq_operator *op, eq_broadcast *shape);
/* Append the step that runs `binary`; `shape` is from eq_broadcast_shape. */
eq_status eq_broadcast_step(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, const eq_binary *binary);

#endif
