/* Operators that make values of a tensor without elements: sums of nothing are 0, products 1, and a pad is all there is. */
#ifndef EQ_OF_NOTHING_H
#define EQ_OF_NOTHING_H

#include "plan.h"

/* Make the output, which has its shape, a constant of what LiteRT gives; fails for other operators and types. */
eq_status eq_plan_of_nothing(eq_plan *plan, const eq_operator *op, int32_t slot);

#endif
