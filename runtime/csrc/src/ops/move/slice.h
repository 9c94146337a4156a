/* What slices share: elements of an axis, from a place on that may be known only in a run. */
#ifndef EQ_SLICE_H
#define EQ_SLICE_H

#include "plan/number.h"

/* One axis of the sliced tensor: an axis of the input, or a new one. */
typedef struct eq_span {
    int32_t axis;    /* of the input; -1: new */
    eq_number start; /* if it is not known, then counted from the end where it is negative and `from_end` */
    int32_t stride, count;
    bool drop; /* the output lacks this axis */
    bool from_end;
} eq_span;

/* As eq_argument_ints (arguments.h), of values that need not be constant if they are int32 or int64. */
eq_status eq_argument_numbers(eq_plan *plan, const eq_operator *op, int32_t slot, eq_number *numbers, int32_t capacity,
                              int32_t *count);
/* A step that takes the spans where some starts are not known. The output has its shape. */
eq_status eq_slice_computed(eq_plan *plan, const eq_operator *op, const eq_span *spans, int32_t span_count);

#endif
