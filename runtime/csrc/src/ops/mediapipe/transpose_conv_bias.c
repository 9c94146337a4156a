/* Convolution2DTransposeBias: input, weights (columns, kernel height, kernel width, channels), bias (columns), all floats. Its options
 * are LiteRT's TfLiteTransposeConvParams as memory has them. The output has the size that the file gives it, as in LiteRT; where that does
 * not fit the input, MediaPipe's:
 *
 *     (size - 1) * stride + taps - padding,  padding = max(0, taps - 1 - (size - 1) % stride) with SAME */
#include <string.h>

#include "ops/matrix/transpose_conv.h"
#include "plan/operator.h"

enum { PADDING, STRIDE_X, STRIDE_Y, NUMBERS };
enum { SAME = 1, VALID }; /* one more than the schema's */
enum { LARGEST = 64 };    /* strides: real ones are 2 */

static int32_t out_size(int32_t size, int32_t taps, int32_t stride, int32_t padding) {
    const int32_t cut = padding == SAME ? taps - 1 - (size - 1) % stride : 0;
    const int64_t out = ((int64_t)size - 1) * stride + taps - (cut > 0 ? cut : 0);
    return out < INT32_MAX ? (int32_t)out : INT32_MAX; /* more than a tensor may have */
}

static eq_status read_options(eq_plan *plan, const eq_operator *op, int32_t *numbers) {
    if (op->custom_options_size < NUMBERS * sizeof *numbers) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "lacks its options");
    }
    memcpy(numbers, op->custom_options, NUMBERS * sizeof *numbers);
    if (numbers[PADDING] != SAME && numbers[PADDING] != VALID) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "padding %d does not exist", (int)numbers[PADDING]);
    }
    for (int32_t i = STRIDE_X; i <= STRIDE_Y; ++i) {
        if (numbers[i] < 1 || numbers[i] > LARGEST) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its strides must be 1 to %d", (int)LARGEST);
        }
    }
    return EQ_OK;
}

static eq_status set_shape(eq_plan *plan, const eq_operator *op, int32_t padding, eq_transpose_conv *conv) {
    const int32_t *in = conv->input->dims, *w = conv->weights->dims, schema_padding = padding - SAME;
    bool fits = conv->output->rank == 4 && eq_transpose_conv_place(plan, op, schema_padding, conv) == EQ_OK && conv->regular;
    const int32_t height = fits ? conv->output->dims[1] : out_size(in[1], w[1], conv->stride_y, padding);
    const int32_t width = fits ? conv->output->dims[2] : out_size(in[2], w[2], conv->stride_x, padding);
    const eq_status status = eq_plan_shape(plan, op, 0, 4, (int32_t[]){in[0], height, width, w[0]});
    return status == EQ_OK ? eq_transpose_conv_place(plan, op, schema_padding, conv) : status;
}

eq_status eq_prepare_transpose_conv_bias(eq_plan *plan, const eq_operator *op) {
    int32_t numbers[NUMBERS];
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    if (status == EQ_OK) {
        status = read_options(plan, op, numbers);
    }
    if (status != EQ_OK) {
        return status;
    }
    eq_transpose_conv conv = {
        .input = eq_plan_input(plan, op, 0),
        .weights = eq_plan_input(plan, op, 1),
        .output = eq_plan_output(plan, op, 0),
        .in_tensor = op->inputs[0],
        .weights_tensor = op->inputs[1],
        .bias_tensor = op->inputs[2],
        .out_tensor = op->outputs[0],
        .stride_y = numbers[STRIDE_Y],
        .stride_x = numbers[STRIDE_X],
    };
    const int32_t *in = conv.input->dims, *w = conv.weights->dims;
    if (conv.input->rank != 4 || conv.weights->rank != 4 || w[3] != in[3]) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input and weights must have four dimensions, and the same channels");
    }
    return set_shape(plan, op, numbers[PADDING], &conv) == EQ_OK ? eq_transpose_conv_plan_f32(plan, op, &conv, 0)
                                                                 : (eq_status)plan->error->status;
}

EQ_CUSTOM_OPERATOR("Convolution2DTransposeBias", eq_prepare_transpose_conv_bias, FLOAT32, FLOAT32);
EQ_CUSTOM_OPERATOR("Convolution2DTransposeBias", eq_prepare_transpose_conv_bias, FLOAT32, FLOAT16);
EQ_CUSTOM_OPERATOR_NOTE("Convolution2DTransposeBias", "float32, or float16 weights");
