/* Arithmetic on float16 (`precision` of eq_model_options): which operators compute with it, and where values are converted. */
#ifndef EQ_HALF_PLAN_H
#define EQ_HALF_PLAN_H

#include "plan.h"

/* What to prepare instead of `op` where plan->half: an operator whose inputs are float16 where it computes with that, and whose outputs
 * are said to be, or one whose inputs are float32. Steps that convert go before. `*half` tells which. NULL: error written. */
const eq_operator *eq_plan_to_half(eq_plan *plan, const eq_operator *op, bool *half);
/* The operator in float32 after all, when it was refused in float16. NULL: error written. */
const eq_operator *eq_plan_back_to_float(eq_plan *plan, const eq_operator *op);
/* No conversion of a tensor to one from `first` on has been made: their steps are gone. */
void eq_plan_forget_others(eq_plan *plan, int32_t first);
/* The graph's outputs as the file has them: float32. */
eq_status eq_plan_widen_outputs(eq_plan *plan);

#endif
