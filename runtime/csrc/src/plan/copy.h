/* Steps that move a tensor as it is: into memory with padding, to a variable, or across the graph's edges. */
#ifndef EQ_COPY_H
#define EQ_COPY_H

#include "plan.h"

/* Append a step that copies `from` to `to`, which have the same bytes. */
eq_status eq_plan_copy(eq_plan *plan, const eq_operator *op, int32_t from, int32_t to);
/* Give the caller of a model with quantized uint8 inputs or outputs its uint8: before and after the operators. */
eq_status eq_plan_input_edges(eq_plan *plan);
eq_status eq_plan_output_edges(eq_plan *plan);

#endif
