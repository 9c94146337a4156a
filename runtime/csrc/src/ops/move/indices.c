#include "indices.h"

eq_status eq_check_index_type(eq_plan *plan, const eq_operator *op, int32_t slot) {
    const eq_type type = eq_plan_input(plan, op, slot)->type;
    if (type != EQ_INT16 && type != EQ_INT32 && type != EQ_INT64) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its indices must be int16, int32 or int64");
    }
    return EQ_OK;
}

eq_status eq_check_indices(eq_plan *plan, const eq_operator *op, int32_t slot, const int32_t *sizes, int32_t columns) {
    const eq_tensor *indices = eq_plan_input(plan, op, slot);
    for (int32_t i = 0; i < columns && eq_tensor_elements(indices) > 0; ++i) {
        if (sizes[i] == 0) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has indices into a dimension of no elements");
        }
    }
    const int64_t count = indices->data && !indices->is_variable ? eq_tensor_elements(indices) : 0;
    for (int64_t i = 0; i < count; ++i) {
        const int64_t index = eq_index_value(indices->type, indices->data, i);
        if (index < 0 || index >= sizes[i % columns]) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "index %lld is out of %d", (long long)index, (int)sizes[i % columns]);
        }
    }
    return EQ_OK;
}
