/* L2_NORMALIZATION along the last dimension: x / |x|. Int8 results are in units of 1/128. */
#include <math.h>

#include "arithmetic/arithmetic.h"
#include "arithmetic/fixed_point.h"
#include "plan/operator.h"
#include "ops/quantization.h"

typedef struct eq_norm {
    int32_t depth, zero_point;
    bool is_uint8; /* in the file */
} eq_norm;

static void int8_row(const eq_norm *norm, const int8_t *in, int8_t *out) {
    int32_t squares = 0;
    for (int32_t i = 0; i < norm->depth; i++) {
        const int32_t x = in[i] - norm->zero_point;
        squares = eq_add_wrapping(squares, x * x);
    }
    eq_fixed factor = eq_fixed_inverse_square_root(squares < 0 ? INT32_MAX : squares);
    /* LiteRT scales by 128 before the product for uint8, in it for int8: they round differently. */
    const int32_t scale = norm->is_uint8 ? 128 : 1;
    factor.shift += norm->is_uint8 ? 0 : 7;
    for (int32_t i = 0; i < norm->depth; i++) {
        out[i] = (int8_t)eq_clamp(eq_fixed_multiply(scale * (in[i] - norm->zero_point), factor), -128, 127);
    }
}

static void run_int8(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_norm *norm = step->data;
    const int8_t *in = storage[step->inputs[0].tensor].data;
    int8_t *out = storage[step->outputs[0].tensor].data;
    for (int32_t row = first; row < last; row++) {
        const size_t at = (size_t)row * (size_t)norm->depth;
        int8_row(norm, in + at, out + at);
    }
}

static void run_float(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_norm *norm = step->data;
    const float *in = (const float *)storage[step->inputs[0].tensor].data + (size_t)first * (size_t)norm->depth;
    float *out = (float *)storage[step->outputs[0].tensor].data + (size_t)first * (size_t)norm->depth;
    for (int32_t row = first; row < last; row++, in += norm->depth, out += norm->depth) {
        float squares = 0;
        for (int32_t i = 0; i < norm->depth; i++) {
            squares += in[i] * in[i];
        }
        const float length = sqrtf(fmaxf(squares, 1e-6f));
        for (int32_t i = 0; i < norm->depth; i++) {
            out[i] = in[i] / length;
        }
    }
}

static eq_status check_int8(eq_plan *plan, const eq_operator *op, const eq_tensor *in, const eq_tensor *out) {
    eq_status status = eq_check_int8(plan, op, in, "the input");
    if (status == EQ_OK) {
        status = eq_check_int8(plan, op, out, "the output");
    }
    if (status != EQ_OK) {
        return status;
    }
    if (out->scales[0] != 0x1p-7f || out->zero_points[0] != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs an output scale of 1/128 and the zero point in the middle");
    }
    return EQ_OK;
}

eq_status eq_prepare_l2_normalization(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    const bool quantized = in->type == EQ_INT8;
    if (in->rank < 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has an input without dimensions");
    }
    if (in->type != out->type || (!quantized && in->type != EQ_FLOAT32)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes and gives int8 or float32 only");
    }
    if (eq_option_byte(op, 0, 0) != EQ_ACTIVATION_NONE) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a fused activation");
    }
    status = eq_plan_shape(plan, op, 0, in->rank, in->dims);
    if (status == EQ_OK && quantized) {
        status = check_int8(plan, op, in, out);
    }
    if (status != EQ_OK) {
        return status;
    }

    eq_step *step = eq_plan_step(plan, op, quantized ? run_int8 : run_float, sizeof(eq_norm), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const int32_t depth = in->dims[in->rank - 1];
    *(eq_norm *)step->data = (eq_norm){depth, quantized ? in->zero_points[0] : 0, in->file_type == EQ_UINT8};
    step->units = (int32_t)(eq_tensor_elements(in) / depth);
    step->cost = (uint64_t)eq_tensor_elements(in) * 4;
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    return EQ_OK;
}

EQ_OPERATOR(L2_NORMALIZATION, eq_prepare_l2_normalization, ANY);
EQ_OPERATOR_NOTE(L2_NORMALIZATION, "int8 output of scale 1/128, no fused activation");
