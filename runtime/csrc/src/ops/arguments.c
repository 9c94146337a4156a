#include "arguments.h"

#include "arithmetic/arithmetic.h"

static int32_t narrow(int64_t value) {
    return value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

eq_status eq_argument_ints(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t *values, int32_t capacity,
                           int32_t *count) {
    const eq_tensor *tensor = eq_plan_input(plan, op, slot);
    if (!tensor || (tensor->type != EQ_INT16 && tensor->type != EQ_INT32 && tensor->type != EQ_INT64)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input %d must be int16, int32 or int64", (int)slot);
    }
    if (!tensor->data || tensor->is_variable) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "input %d is computed during a run, only a constant is supported",
                            (int)slot);
    }
    const int64_t elements = eq_tensor_elements(tensor);
    if (elements > capacity) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input %d has %lld values where %d are the most", (int)slot,
                            (long long)elements, (int)capacity);
    }
    for (int64_t i = 0; i < elements; ++i) {
        values[i] = tensor->type == EQ_INT16   ? ((const int16_t *)tensor->data)[i]
                    : tensor->type == EQ_INT32 ? ((const int32_t *)tensor->data)[i]
                                               : narrow(((const int64_t *)tensor->data)[i]);
    }
    *count = (int32_t)elements;
    return EQ_OK;
}

eq_status eq_argument_int(eq_plan *plan, const eq_operator *op, int32_t slot, int32_t *value) {
    int32_t count = 0;
    eq_status status = eq_argument_ints(plan, op, slot, value, 1, &count);
    if (status == EQ_OK && count != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input %d must be one value", (int)slot);
    }
    return status;
}

eq_status eq_argument_axis(eq_plan *plan, const eq_operator *op, int32_t axis, int32_t rank, int32_t *resolved) {
    if (axis < -rank || axis >= rank) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "axis %d does not exist in %d dimensions", (int)axis, (int)rank);
    }
    *resolved = axis < 0 ? axis + rank : axis;
    return EQ_OK;
}

eq_status eq_argument_same_type(eq_plan *plan, const eq_operator *op, int32_t input, int32_t output) {
    const eq_tensor *in = eq_plan_input(plan, op, input), *out = eq_plan_output(plan, op, output);
    if (in->type != out->type || in->file_type != out->file_type) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input %d and output %d have different types", (int)input, (int)output);
    }
    return EQ_OK;
}

eq_status eq_argument_same_quantization(eq_plan *plan, const eq_operator *op, int32_t input, int32_t output) {
    const eq_tensor *in = eq_plan_input(plan, op, input), *out = eq_plan_output(plan, op, output);
    if (in->type == EQ_INT8 && in->scale_count == 1 && out->scale_count == 1 &&
        (in->scales[0] != out->scales[0] || in->zero_points[0] != out->zero_points[0])) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "output %d has another scale or zero point than input %d",
                            (int)output, (int)input);
    }
    return EQ_OK;
}
