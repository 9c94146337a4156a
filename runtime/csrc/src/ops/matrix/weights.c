#include "weights.h"

#include "read/operator_codes.h"

#include <math.h>
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "ops/quantization.h"
#include "weight_passes.h"

static eq_status check_weights(eq_plan *plan, const eq_operator *op, const eq_tensor *weights, int32_t channel_axis,
                               int32_t columns) {
    if (weights->type != EQ_INT8) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the weights must be int8 here");
    }
    if (weights->file_type == EQ_INT4 && op->code != EQ_OP_FULLY_CONNECTED) { /* whose results LiteRT rounds in another way */
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the weights must not be int4 here");
    }
    if (!weights->data) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the weights must be constant");
    }
    if (weights->scale_count != 1 && (weights->scale_count != columns || weights->channel_axis != channel_axis)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the weights have %d scales for %d output channels",
                            (int)weights->scale_count, (int)columns);
    }
    return EQ_OK;
}

static eq_status check_bias(eq_plan *plan, const eq_operator *op, const eq_tensor *bias, int32_t columns) {
    if (bias->type != EQ_INT32 || !bias->data) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the bias must be constant int32 here");
    }
    if (eq_tensor_elements(bias) != columns) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the bias has %lld values for %d output channels",
                            (long long)eq_tensor_elements(bias), (int)columns);
    }
    return EQ_OK;
}

eq_status eq_quantized_layer_read(eq_plan *plan, const eq_operator *op, const eq_tensor *input, const eq_tensor *weights,
                                  const eq_tensor *bias, const eq_tensor *output, int32_t channel_axis, int32_t columns,
                                  int32_t activation, eq_quantized_layer *layer) {
    eq_status status = eq_check_int8(plan, op, input, "the input");
    if (status == EQ_OK) {
        status = eq_check_int8(plan, op, output, "the output");
    }
    if (status == EQ_OK) {
        status = check_weights(plan, op, weights, channel_axis, columns);
    }
    if (status == EQ_OK && bias) {
        status = check_bias(plan, op, bias, columns);
    }
    if (status != EQ_OK) {
        return status;
    }
    *layer = (eq_quantized_layer){
        .bias = bias ? bias->data : NULL,
        .weight_zero_points = weights->zero_points,
        .weight_zero_point_count = weights->scale_count,
        .scale = eq_plan_take(plan, (size_t)columns * sizeof(float)),
        .in_zero_point = input->zero_points[0],
        .out_zero_point = output->zero_points[0],
        .columns = columns,
    };
    if (!layer->scale) {
        return (eq_status)plan->error->status;
    }
    for (int32_t n = 0; n < columns; ++n) { /* in this order, in float: XNNPACK's */
        layer->scale[n] = input->scales[0] * weights->scales[weights->scale_count == 1 ? 0 : n] / output->scales[0];
        if (!isfinite(layer->scale[n])) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the scales' quotient is not finite");
        }
    }
    return eq_activation_range(plan, op, activation, output, &layer->min, &layer->max);
}

static int32_t weight_zero_point(const eq_quantized_layer *layer, int32_t column) {
    return layer->weight_zero_points[layer->weight_zero_point_count == 1 ? 0 : column];
}

int32_t eq_weight_terms(const eq_tensor *weights, bool no_minimum) {
    int32_t farthest = 0; /* distance of a zero point from 0 */
    for (int32_t i = 0; i < weights->scale_count; ++i) {
        const int32_t distance = weights->zero_points[i] < 0 ? -weights->zero_points[i] : weights->zero_points[i];
        farthest = distance > farthest ? distance : farthest;
    }
    if (farthest > 0) { /* |weight - zero point| <= 128 + farthest, and a term holds -127 to 127 */
        return (128 + farthest + 126) / 127;
    }
    return no_minimum && eq_weight_range_of(weights->data, (size_t)eq_tensor_elements(weights)).least == INT8_MIN ? 2 : 1;
}

/* The least and the most of column n, whose weights are in the file. */
static eq_weight_range column_range(const eq_weight_view *view, int32_t n) {
    const int32_t run = view->channel_stride == 1 ? view->channels : 1; /* weights that are adjacent */
    eq_weight_range range = {INT8_MAX, INT8_MIN};
    for (int32_t y = 0; y < view->height; ++y) {
        for (int32_t x = 0; x < view->width; ++x) {
            const int8_t *tap = view->data + n * view->column_stride + y * view->row_stride + x * view->tap_stride;
            for (int32_t c = 0; c < view->channels; c += run) {
                const eq_weight_range part = eq_weight_range_of(tap + c * view->channel_stride, (size_t)run);
                range.least = part.least < range.least ? part.least : range.least;
                range.most = part.most > range.most ? part.most : range.most;
            }
        }
    }
    return range;
}

int32_t eq_weight_column_terms(const eq_weight_view *view, const eq_quantized_layer *layer, int32_t n, int32_t first_column,
                               bool no_minimum) {
    int32_t least = 0, most = 0; /* of the weights minus their zero point, and 0 */
    if (view->data) {
        const eq_weight_range range = column_range(view, n);
        const int32_t zero_point = weight_zero_point(layer, n + first_column);
        least = range.least < zero_point ? range.least - zero_point : 0;
        most = range.most > zero_point ? range.most - zero_point : 0;
    }
    if (least >= (no_minimum ? -127 : -128) && most <= 127) {
        return 1;
    }
    return ((most > -least ? most : -least) + 126) / 127;
}

/* The view's values of column n minus `zero_point`, in order. */
static void gather(const eq_weight_view *view, int32_t n, int32_t zero_point, int16_t *weights) {
    for (int32_t y = 0; y < view->height; ++y) {
        for (int32_t x = 0; x < view->width; ++x) {
            const int8_t *tap = view->data + n * view->column_stride + y * view->row_stride + x * view->tap_stride;
            if (view->channel_stride == 1) {
                eq_weights_shift(tap, (size_t)view->channels, zero_point, weights);
                weights += view->channels;
                continue;
            }
            for (int32_t c = 0; c < view->channels; ++c) {
                *weights++ = (int16_t)(tap[c * view->channel_stride] - zero_point);
            }
        }
    }
}

bool eq_weights_fit(const eq_weight_view *view, int32_t terms) {
    enum { PADDING = 64, WIDENED = 2 /* int16 */ };
    const uint64_t taps = (uint64_t)terms * (uint64_t)view->height * (uint64_t)view->width;
    const uint64_t column = taps * ((uint64_t)view->channels + PADDING) + PADDING;
    return taps * (uint64_t)view->channels <= INT32_MAX &&
           column <= (uint64_t)PTRDIFF_MAX / WIDENED / ((uint64_t)view->columns + PADDING);
}

/* What is known of a column's sums: the bias that it gets, and whether the shortcuts of `small` (kernels.h) are right. */
static bool fold(const eq_quantized_layer *layer, int32_t column, eq_weight_sums sums, int32_t *bias) {
    const int32_t low = INT8_MIN - layer->in_zero_point, high = INT8_MAX - layer->in_zero_point; /* of input - zero point */
    const int32_t given = layer->bias ? layer->bias[column] : 0;
    const int64_t negative = sums.all - sums.positive; /* int64: fewer than 2^31 weights, each term < 2^9 */
    const int64_t least = given + sums.positive * low + negative * high, most = given + sums.positive * high + negative * low;
    *bias = eq_add_wrapping(given, eq_multiply_wrapping(-layer->in_zero_point, (int32_t)(uint32_t)(uint64_t)sums.all));
    const int64_t size = most > -least ? most : -least;
    const int64_t limit = layer->out_zero_point == INT8_MIN ? 1 << 23 : 1 << 22;
    return size < limit && (float)size * layer->scale[column] < 32768.0f - 256.0f && layer->scale[column] < 0x1p100f;
}

static size_t column_size(const eq_weight_view *view) {
    return (size_t)view->height * (size_t)view->width * (size_t)view->channels;
}

bool eq_weight_column(const eq_weight_view *view, const eq_quantized_layer *layer, int32_t n, int32_t first_column,
                      int16_t *weights, int32_t *bias) {
    const size_t count = column_size(view);
    if (view->data) {
        gather(view, n, weight_zero_point(layer, n + first_column), weights);
    } else {
        memset(weights, 0, count * sizeof *weights);
    }
    return fold(layer, n + first_column, eq_weight_sums_of_shifted(weights, count), bias);
}

bool eq_weight_column_in_place(const eq_weight_view *view, const eq_quantized_layer *layer, int32_t n, int32_t first_column,
                               int32_t *bias) {
    const int8_t *weights = view->data + n * view->column_stride;
    return fold(layer, n + first_column, eq_weight_sums_of(weights, column_size(view)), bias);
}
