/* What prepare functions of several families ask of their operator's inputs and outputs. */
#ifndef EQ_ARGUMENTS_H
#define EQ_ARGUMENTS_H

#include "plan/plan.h"

/* The values of a constant int16, int32 or int64 input, such as axes or paddings; those beyond int32 become its ends. Fails unless
 * there are at most `capacity` of them. */
eq_status eq_argument_ints(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t *values, int32_t capacity,
                           int32_t *count);
/* One such value. */
eq_status eq_argument_int(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t *value);

/* An axis of `rank` dimensions, counted from the end if it is negative. */
eq_status eq_argument_axis(eq_plan *plan, const eq_operator *op, int32_t axis, int32_t rank, int32_t *resolved);

/* Operators that only move values: an output must have its input's type, */
eq_status eq_argument_same_type(eq_plan *plan, const eq_operator *op, int32_t input, int32_t output);
/* and its scale and zero point where LiteRT wants that too; some operators take the values as they are. */
eq_status eq_argument_same_quantization(eq_plan *plan, const eq_operator *op, int32_t input, int32_t output);

/* Whether steps that only look at places follow the strides of the tensor's rows: it may be an image of a convolution. */
static inline bool eq_is_image(const eq_tensor *tensor) {
    return tensor->rank == 4 && (tensor->type == EQ_INT8 || tensor->type == EQ_FLOAT32 || tensor->type == EQ_FLOAT16);
}

#endif
