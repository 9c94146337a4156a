/* Operators of float16 activations: run on float32, and rounded to float16 once, which is what LiteRT's delegate does. */
#ifndef EQ_WIDEN_H
#define EQ_WIDEN_H

#include "operator.h"

/* Whether the operator has a float16 input, and is one that is run so. */
bool eq_plan_is_widened(const eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_widened(eq_plan *plan, const eq_operator *op);

#endif
