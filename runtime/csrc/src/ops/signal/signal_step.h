/* What TensorFlow Lite Micro's Signal operators have in common: rows of samples, and a state that goes on from run to run. */
#ifndef EQ_SIGNAL_STEP_H
#define EQ_SIGNAL_STEP_H

#include "plan/plan.h"

/* How many samples a row of the tensor has: its last dimension. */
int32_t eq_signal_length(const eq_tensor *tensor);
/* Give the output the input's dimensions but for the last, which is `last`; its type must be `type`. */
eq_status eq_signal_output(eq_plan *plan, const eq_operator *op, int32_t slot, eq_type type, int32_t last);
/* The step that reads all inputs and writes all outputs, in one unit. NULL: error written. */
eq_step *eq_signal_step(eq_plan *plan, const eq_operator *op, eq_run_fn run, const void *data, size_t bytes);
/* The same, with a unit for each row of the input. */
eq_step *eq_signal_rows(eq_plan *plan, const eq_operator *op, eq_run_fn run, const void *data, size_t bytes);
/* Let the step, which has one unit, keep `count` numbers, at first 0, as one more output. */
eq_status eq_signal_keep(eq_plan *plan, const eq_operator *op, eq_step *step, eq_type type, int64_t count);
/* EQ_OK, or the error for the want of a step. */
eq_status eq_signal_status(const eq_plan *plan, const eq_step *step);

#endif
