/* Indices that an operator's input has: int16, int32 or int64. */
#ifndef EQ_INDICES_H
#define EQ_INDICES_H

#include "plan/plan.h"

/* Fails unless the input has such a type. */
eq_status eq_check_index_type(eq_plan *plan, const eq_operator *op, int32_t slot);
/* Fails if the input is a constant and one of its indices is outside sizes[i % columns], i being its place, or nothing is inside. */
eq_status eq_check_indices(eq_plan *plan, const eq_operator *op, int32_t slot, const int32_t *sizes, int32_t columns);

/* A step cannot fail: an index computed out of range becomes the nearest one, where LiteRT would stop. */
static inline int32_t eq_index_at(eq_type type, const void *indices, int64_t i, int32_t size) {
    const int64_t index = type == EQ_INT64   ? ((const int64_t *)indices)[i]
                          : type == EQ_INT16 ? ((const int16_t *)indices)[i]
                                             : ((const int32_t *)indices)[i];
    return index < 0 ? 0 : index >= size ? size - 1 : (int32_t)index;
}

#endif
