/* Operators some of whose tensors have no elements: their outputs get shapes, and no steps compute them. Prepare functions need not
 * know of such tensors, but for a few. */
#ifndef EQ_EMPTY_H
#define EQ_EMPTY_H

#include "operator.h"

/* What eq_plan_shape returns for an output of no elements, where the prepare function has nothing more to do. */
#define EQ_PLAN_EMPTY ((eq_status)100)

/* Call the row's prepare function, with whatever inputs. */
eq_status eq_plan_prepare(eq_plan *plan, const eq_operator *op, const eq_operator_row *row);

/* For a prepare function that takes such tensors itself: the output has its shape and no elements, and needs no step. */
void eq_plan_settle(eq_plan *plan, const eq_operator *op, int32_t slot);

#endif
