/* What the files of the planner share, and nobody else needs. */
#ifndef EQ_PLAN_PASS_H
#define EQ_PLAN_PASS_H

#include "plan.h"

/* The bytes of a dense tensor, or SIZE_MAX if a dimension is < 0 or there are 2^31 elements or more. (helpers.c) */
size_t eq_plan_dense_bytes(eq_type type, int32_t rank, const int32_t *dims);

/* Run the operator's steps, those from `first` on, now and make what they write constant, if they read nothing but constants.
 * (folding.c) */
eq_status eq_plan_fold(eq_plan *plan, const eq_operator *op, int32_t first);

/* A plan for a graph that an operator of `plan` runs, which frees it: begun, then finished when the inputs have their shapes.
 * (plan.c) */
eq_status eq_plan_begin_body(eq_plan *plan, int32_t graph, eq_plan **body);
eq_status eq_plan_finish_body(eq_plan *body);

/* Operators that cannot run. (refusals.c) */
typedef struct eq_refusal eq_refusal;
/* One more, whose error is in `plan->error`. */
eq_status eq_plan_refuse(eq_plan *plan, const eq_operator *op, eq_refusal **refusals);
/* Fails with all of them in one sentence, or as many kinds as fit. */
eq_status eq_plan_tell_refusals(eq_plan *plan, const eq_refusal *refusals);

#endif
