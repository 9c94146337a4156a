/* Steps that turn each element of a dense tensor into one of another of the same shape. */
#ifndef EQ_ELEMENTS_H
#define EQ_ELEMENTS_H

#include "plan/plan.h"

/* `n` elements of `to` from `n` of `from`; `data` are the step's own parameters. */
typedef void (*eq_elements_fn)(const void *data, const void *from, void *to, size_t n);

/* Give the only output the only input's shape, and append the step, which keeps a copy of `bytes` bytes at `data`. */
eq_status eq_elements_step(eq_plan *plan, const eq_operator *op, eq_elements_fn fn, const void *data, size_t bytes);

#endif
