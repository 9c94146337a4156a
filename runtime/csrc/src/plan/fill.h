/* The padding around a tensor's images, filled by the step that writes them. */
#ifndef EQ_FILL_H
#define EQ_FILL_H

#include "plan.h"

/* Let `step` fill the halo of a tensor that it writes with the tensor's zero point, or 0 if its type has none. */
eq_status eq_plan_fill(eq_plan *plan, eq_step *step, int32_t tensor);

/* Do units `first` to `last` - 1 of a step, and the same part of the padding around what it writes. */
void eq_step_run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch);

#endif
