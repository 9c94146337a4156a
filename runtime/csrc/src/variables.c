/* The variables of streaming models. */
#include "variables.h"

#include <string.h>

void eq_plan_reset_variables(eq_plan *plan, const eq_storage *storage) {
    for (int32_t i = 0; i < plan->tensor_count; ++i) {
        const eq_tensor *tensor = &plan->tensors[i].tensor;
        if (tensor->is_variable && storage[i].data) {
            int32_t zero = tensor->type == EQ_INT8 && tensor->scale_count == 1 ? tensor->zero_points[0] : 0;
            memset(storage[i].data, zero, eq_plan_tensor_bytes(&plan->tensors[i]));
        }
    }
}
