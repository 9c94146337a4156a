#include "quantization.h"

#include <math.h>

#include "arithmetic/arithmetic.h"

static eq_status check_one_scale(eq_plan *plan, const eq_operator *op, const eq_tensor *tensor, eq_type type, const char *name,
                                 const char *what) {
    if (tensor->type != type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "%s must be %s here", what, name);
    }
    if (tensor->scale_count != 1) {
        /* A scale for each channel is valid where weights are stored as int8 and widened to float32. */
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "%s needs one scale, it has %d", what, (int)tensor->scale_count);
    }
    return EQ_OK;
}

eq_status eq_check_int8(eq_plan *plan, const eq_operator *op, const eq_tensor *tensor, const char *what) {
    return check_one_scale(plan, op, tensor, EQ_INT8, "int8", what);
}

eq_status eq_check_int16(eq_plan *plan, const eq_operator *op, const eq_tensor *tensor, const char *what) {
    return check_one_scale(plan, op, tensor, EQ_INT16, "int16", what);
}

eq_status eq_activation_range_float(eq_plan *plan, const eq_operator *op, int32_t activation, float *min, float *max) {
    *min = activation == EQ_ACTIVATION_NONE ? -INFINITY : activation == EQ_ACTIVATION_RELU_N1_TO_1 ? -1.0f : 0.0f;
    *max = activation == EQ_ACTIVATION_RELU6 ? 6.0f : activation == EQ_ACTIVATION_RELU_N1_TO_1 ? 1.0f : INFINITY;
    if (activation < EQ_ACTIVATION_NONE || activation > EQ_ACTIVATION_RELU6) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "fused activation %d is not supported", (int)activation);
    }
    return EQ_OK;
}

/* Rounded in the file's type: the sum of a float and a zero point of 128 more may round differently. */
static int32_t quantize_bound(float bound, const eq_tensor *output) {
    const int32_t shift = output->file_type == EQ_UINT8 ? 128 : 0;
    float x = bound / output->scales[0] + (float)(output->zero_points[0] + shift);
    x = fminf(fmaxf(x, (float)(shift - 128)), (float)(shift + 127));
    return eq_round(x) - shift;
}

eq_status eq_activation_range(eq_plan *plan, const eq_operator *op, int32_t activation, const eq_tensor *output, int32_t *min,
                              int32_t *max) {
    float low, high;
    eq_status status = eq_activation_range_float(plan, op, activation, &low, &high);
    *min = quantize_bound(low, output);
    *max = quantize_bound(high, output);
    return status;
}

static int32_t quantize_bound_litert(float bound, const eq_tensor *output) {
    const float x = fminf(fmaxf(roundf(bound / output->scales[0]), -0x1p17f), 0x1p17f);
    const bool wide = output->type == EQ_INT16;
    return eq_clamp(output->zero_points[0] + (int32_t)x, wide ? INT16_MIN : INT8_MIN, wide ? INT16_MAX : INT8_MAX);
}

eq_status eq_activation_range_litert(eq_plan *plan, const eq_operator *op, int32_t activation, const eq_tensor *output,
                                     int32_t *min, int32_t *max) {
    float low, high;
    eq_status status = eq_activation_range_float(plan, op, activation, &low, &high);
    *min = quantize_bound_litert(low, output);
    *max = quantize_bound_litert(high, output);
    return status;
}
