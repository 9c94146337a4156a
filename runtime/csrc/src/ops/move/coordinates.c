#include "coordinates.h"

#include <string.h>

eq_status eq_coordinates_read(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t rank, const int32_t *dims,
                              eq_coordinates *coordinates) {
    const eq_tensor *indices = eq_plan_input(plan, op, slot);
    eq_coordinates c = {.read = {indices->type, plan->loops}, .places = 1, .slice = 1};
    const eq_status status = eq_check_index_type(plan, op, slot);
    if (status != EQ_OK) {
        return status;
    }
    c.depth = indices->rank > 0 ? indices->dims[indices->rank - 1] : 0;
    if (c.depth < 1 || c.depth > rank) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its indices have %d coordinates, for a tensor of %d dimensions",
                            (int)c.depth, (int)rank);
    }
    memcpy(c.sizes, dims, (size_t)c.depth * sizeof *dims);
    for (int32_t i = 0; i < indices->rank - 1; ++i) {
        c.places *= indices->dims[i];
    }
    for (int32_t i = rank - 1; i >= c.depth; --i) {
        c.slice *= dims[i];
    }
    int64_t stride = c.slice;
    for (int32_t i = c.depth - 1; i >= 0; --i) {
        c.strides[i] = stride;
        stride *= dims[i];
    }
    *coordinates = c;
    return eq_check_indices(plan, op, slot, c.sizes, c.depth);
}

int64_t eq_coordinates_offset(const eq_coordinates *c, const eq_step *step, const void *indices, int32_t place) {
    int64_t offset = 0;
    for (int32_t i = 0; i < c->depth; ++i) {
        offset += eq_index_at(&c->read, step, indices, (int64_t)place * c->depth + i, c->sizes[i]) * c->strides[i];
    }
    return offset;
}
