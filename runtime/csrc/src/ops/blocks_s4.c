#include "blocks_s4.h"

const uint16_t *eq_blocks_s4_scales(eq_plan *plan, const eq_operator *op, const eq_tensor *matrix) {
    const eq_tensor *scales = matrix->block_size > 0 ? &plan->tensors[matrix->block_scales].tensor : NULL;
    if (!scales || !matrix->data || matrix->rank != 2) {
        eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes int4 here as a constant matrix with scales for blocks of each row");
        return NULL;
    }
    if (scales->unsupported || scales->type != EQ_FLOAT16 || !scales->data ||
        eq_tensor_elements(scales) != eq_tensor_elements(matrix) / matrix->block_size) {
        eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the scales of its blocks must be constant float16, one for each block");
        return NULL;
    }
    const uint16_t *values = scales->data;
    for (int64_t i = 0; i < eq_tensor_elements(scales); ++i) {
        if ((values[i] & 0x7c00) == 0x7c00) {
            eq_plan_fail(plan, op, EQ_ERROR_MODEL, "a scale of its blocks is no finite number");
            return NULL;
        }
    }
    return values;
}
