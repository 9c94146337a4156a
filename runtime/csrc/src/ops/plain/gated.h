/* x * LOGISTIC(x), known as SiLU, which files spell out in two operators. */
#ifndef EQ_GATED_H
#define EQ_GATED_H

#include "ops/elementwise/broadcast.h"

/* Where a MUL of float32 multiplies a tensor by its own LOGISTIC, append one step that does both, and set `found`: that of the LOGISTIC
 * goes if nobody else reads it (layout.c). `product` is how the operator multiplies; its output has its shape. */
#ifdef __x86_64__
eq_status eq_gated_step(eq_plan *plan, const eq_operator *op, const eq_binary *product, bool *found);
#else /* LOGISTIC in vectors of two doubles takes so long that little would be gained, for half a kilobyte */
static inline eq_status eq_gated_step(eq_plan *plan, const eq_operator *op, const eq_binary *product, bool *found) {
    (void)plan, (void)op, (void)product;
    *found = false;
    return EQ_OK;
}
#endif

#endif
