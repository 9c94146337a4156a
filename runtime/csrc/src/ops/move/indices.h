/* Indices that an operator's input has: int16, int32 or int64. */
#ifndef EQ_INDICES_H
#define EQ_INDICES_H

#include "plan/body.h"

/* Fails unless the input has such a type. */
eq_status eq_check_index_type(eq_plan *plan, const eq_operator *op, int32_t slot);
/* Fails if the input is a constant and one of its indices is outside sizes[i % columns], i being its place, or nothing is inside. */
eq_status eq_check_indices(eq_plan *plan, const eq_operator *op, int32_t slot, const int32_t *sizes, int32_t columns);

static inline int64_t eq_index_value(eq_type type, const void *indices, int64_t i) {
    return type == EQ_INT64   ? ((const int64_t *)indices)[i]
           : type == EQ_INT16 ? ((const int16_t *)indices)[i]
                              : ((const int32_t *)indices)[i];
}

/* indices[i], or the nearest that is one of `size`. */
static inline int32_t eq_index_clamped(eq_type type, const void *indices, int64_t i, int32_t size) {
    const int64_t index = eq_index_value(type, indices, i);
    return index < 0 ? 0 : index >= size ? size - 1 : (int32_t)index;
}

/* What a step needs to read indices that may be of no element: their type, and where it says so. */
typedef struct eq_indices {
    eq_type type;
    eq_loops *loops;
} eq_indices;

/* The same, but the run ends with an error if it is none of `size`, as LiteRT's does: the step goes on with one that is there. */
static inline int32_t eq_index_at(const eq_indices *read, const eq_step *step, const void *indices, int64_t i, int32_t size) {
    const int64_t index = eq_index_value(read->type, indices, i);
    if (index < 0 || index >= size) {
        eq_loops_end_outside(read->loops, step->op);
    }
    return eq_index_clamped(read->type, indices, i, size);
}

#endif
