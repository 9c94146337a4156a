/* Steps that move a tensor as it is: into memory with padding, to a variable, or across the graph's edges. */
#ifndef EQ_COPY_H
#define EQ_COPY_H

#include "plan.h"

/* Append a step that copies `from` to `to`, which have the same bytes. */
eq_status eq_plan_copy(eq_plan *plan, const eq_operator *op, int32_t from, int32_t to);
bool eq_plan_is_copy(const eq_step *step);
/* Let what is copied from and to variables have their memory, where that changes no value. (sharing.c) */
void eq_plan_share_variables(eq_plan *plan);
/* Give the caller of a model with quantized uint8 inputs or outputs its uint8: before and after the operators. */
eq_status eq_plan_input_edges(eq_plan *plan);
eq_status eq_plan_output_edges(eq_plan *plan);

#endif
