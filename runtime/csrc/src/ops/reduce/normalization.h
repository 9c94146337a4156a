/* Rows of float32 less their mean, over their deviation, which files spell out in operators of one or two inputs and MEAN. */
#ifndef EQ_NORMALIZATION_H
#define EQ_NORMALIZATION_H

#include "plan/plan.h"

/* The sum of a row's values, in double precision. */
double eq_sum_of_row(const float *in, int32_t n);

typedef struct eq_normalized_rows {
    int32_t depth; /* values of a row */
    float epsilon;
} eq_normalized_rows;

/* Inputs: the rows, gain, offset. A unit is a row. */
void eq_normalize_rows(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch);

/* Where an ADD ends a normalization of rows, append one step that does it all, and set `found`: steps before it that nobody else reads
 * go (layout.c). The operator's output has its shape. */
eq_status eq_normalization_step(eq_plan *plan, const eq_operator *op, bool *found);

#endif
