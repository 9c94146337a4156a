/* The step that fills the padding around a tensor's images. */
#ifndef EQ_FILL_H
#define EQ_FILL_H

#include "plan.h"

/* Append a step that fills the tensor's halo with its zero point, or 0 if its type has none. It may write over pixels: it goes before
 * the first step that writes them. */
eq_status eq_plan_fill(eq_plan *plan, int32_t tensor);

#endif
