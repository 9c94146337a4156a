/* Steps that map each value of an int8 tensor through a table of 256. */
#ifndef EQ_LOOKUP_H
#define EQ_LOOKUP_H

#include "../plan.h"

/* Append a step: output = table[input + 128]. `table` is copied; the output has the input's number of elements. */
eq_status eq_lookup_step(eq_plan *plan, const eq_operator *op, int32_t input_slot, const int8_t table[256]);

#endif
