/* The variables of streaming models, which keep their values from one run to the next. */
#ifndef EQ_VARIABLES_H
#define EQ_VARIABLES_H

#include "plan.h"

/* Give all variables their initial values. */
void eq_plan_reset_variables(eq_plan *plan, const eq_storage *storage);

#endif
