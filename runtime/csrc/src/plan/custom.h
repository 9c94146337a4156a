/* Custom operators that the caller gave with the model. (custom.c) */
#ifndef EQ_PLAN_CUSTOM_H
#define EQ_PLAN_CUSTOM_H

#include "plan.h"

/* The caller's operator of that name, or NULL. */
const eq_custom_operator *eq_plan_custom_operator(const eq_plan *plan, const eq_operator *op);
eq_status eq_prepare_custom(eq_plan *plan, const eq_operator *op);

#endif
