/* Operators of float16 activations: run on float32, and rounded to float16 once, which is what LiteRT's delegate does. */
#ifndef EQ_WIDEN_H
#define EQ_WIDEN_H

#include "operator.h"

/* Whether the operator has a float16 input, and is one that is run so. */
bool eq_plan_is_widened(const eq_plan *plan, const eq_operator *op);
/* A step that converts values between float16 and float32, whichever `to` is. */
eq_status eq_plan_convert(eq_plan *plan, const eq_operator *op, int32_t from, int32_t to);
/* A new tensor with another's values, float16 or float32; a constant if that is. -1: error written. */
int32_t eq_plan_converted(eq_plan *plan, const eq_operator *op, int32_t from, eq_type type);
eq_status eq_prepare_widened(eq_plan *plan, const eq_operator *op);

#endif
