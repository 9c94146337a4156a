/* What SOFTMAX and LOG_SOFTMAX of all types have in common. */
#ifndef EQ_SOFTMAX_H
#define EQ_SOFTMAX_H

#include "plan/plan.h"

/* A row is the last dimension. */
typedef struct eq_softmax {
    bool logarithm;
    int32_t depth;
    float beta;
} eq_softmax;

/* Check the operator and append a step with a unit for each row, whose data are an eq_softmax and what follows it, `data_size` bytes in all;
 * NULL: error written. */
eq_step *eq_softmax_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, size_t data_size);

#endif
