/* Steps that map each value of an int8 tensor through a table of 256. */
#ifndef EQ_LOOKUP_H
#define EQ_LOOKUP_H

#include "plan/plan.h"

/* What a tensor is a function of: the result is the tensor `root` with each value mapped through `table`. If a lookup step makes
 * `tensor` that is its input, otherwise the tensor itself and a table that changes nothing. */
int32_t eq_lookup_root(const eq_plan *plan, int32_t tensor, int8_t table[256]);

/* Append a step: the operator's output = table[input + 128], of as many elements. If `input` comes from a lookup, the new step
 * starts from that one's input; the former goes when nobody else reads what it makes. */
eq_status eq_lookup_step(eq_plan *plan, const eq_operator *op, int32_t input, const int8_t table[256]);
/* The same, from any tensor to any other. */
eq_status eq_lookup_between(eq_plan *plan, const eq_operator *op, int32_t input, int32_t output, const int8_t table[256]);

#endif
