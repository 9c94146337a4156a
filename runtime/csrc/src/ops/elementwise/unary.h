/* Elementwise operators of one input. */
#ifndef EQ_UNARY_H
#define EQ_UNARY_H

#include "plan/plan.h"

/* Give the output the input's shape; fails unless both have one type. `alpha` is LEAKY_RELU's slope. */
eq_status eq_unary_shape(eq_plan *plan, const eq_operator *op, float *alpha);

eq_status eq_prepare_unary_s8(eq_plan *plan, const eq_operator *op);

/* table[q + 128] is the operator's result for q; false if it does not take int8. (unary_tables.c) */
bool eq_unary_table(const eq_operator *op, const eq_tensor *in, const eq_tensor *out, int8_t table[256]);

#endif
