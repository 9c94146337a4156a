/* What recurrent operators ask of their weights and of the states that they keep between runs. */
#ifndef EQ_RECURRENT_WEIGHTS_H
#define EQ_RECURRENT_WEIGHTS_H

#include "plan/plan.h"

enum { EQ_RECURRENT_LARGEST = 1 << 24 }; /* number of inputs, cells or outputs */

/* A constant of this type and shape: (rows, columns), or (rows) if `columns` is 0. */
eq_status eq_recurrent_weights_check(eq_plan *plan, const eq_operator *op, int32_t slot, eq_type type, int32_t rows,
                                     int32_t columns);
/* A variable of this type, `size` values for each item of the batch. */
eq_status eq_recurrent_state_check(eq_plan *plan, const eq_operator *op, int32_t slot, eq_type type, int32_t batch,
                                   int32_t size);

#endif
