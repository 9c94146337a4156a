/* Whole numbers that a run computes, as far as the planner can follow them: where a loop is in a list, and one place on. */
#ifndef EQ_NUMBER_H
#define EQ_NUMBER_H

#include "plan.h"

/* `offset` more than an element of a tensor of int32 or int64; `offset` alone where `tensor` is -1. */
typedef struct eq_number {
    int32_t tensor, element;
    int64_t offset;
} eq_number;

static inline bool eq_number_is_known(const eq_number *number) {
    return number->tensor < 0;
}

/* Whether the two differ by what is known now: their offsets. */
static inline bool eq_number_is_beside(const eq_number *a, const eq_number *b) {
    return a->tensor == b->tensor && a->element == b->element;
}

/* Element `element` of a tensor that is int32 or int64 and has so many, traced back through what moves or adds constants. */
eq_number eq_number_of(const eq_plan *plan, int32_t tensor, int32_t element);
/* The value in a run; `values` are those of the number's tensor, whose type is `type`. */
int64_t eq_number_value(const eq_number *number, eq_type type, const void *values);

#endif
