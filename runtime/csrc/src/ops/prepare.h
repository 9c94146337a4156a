/* The prepare functions of table.c, by family. */
#ifndef EQ_PREPARE_H
#define EQ_PREPARE_H

#include "../plan.h"

/* matrix products */
eq_status eq_prepare_conv_2d(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_depthwise_conv_2d(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_fully_connected(eq_plan *plan, const eq_operator *op);

/* elementwise */
eq_status eq_prepare_binary(eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_unary(eq_plan *plan, const eq_operator *op);

#endif
