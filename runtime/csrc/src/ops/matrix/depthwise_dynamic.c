/* DEPTHWISE_CONV_2D of a float input with int8 weights: LiteRT's own kernel, which quantizes each image. With more outputs than inputs,
 * each quantized channel is repeated for its outputs. */
#include <string.h>

#include "dynamic.h"
#include "layers.h"
#include "ops/move/move.h"
#include "ops/quantization.h"
#include "plan/operator.h"

enum { ROWS = 16 }; /* of outputs in a unit */

typedef struct step_data {
    const eq_kernels *kernels;
    eq_depthwise_dynamic depthwise;
    int32_t out_height, blocks; /* of an image */
    ptrdiff_t in_image;
} step_data;

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_depthwise_dynamic *depthwise = &d->depthwise;
    const int8_t *in = storage[step->inputs[0].tensor].data;
    const eq_dynamic_scale *scales = storage[step->inputs[1].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    const ptrdiff_t row = (ptrdiff_t)depthwise->out_width * depthwise->channels;
    (void)scratch;
    for (int32_t unit = first; unit < last; ++unit) {
        const int32_t image = unit / d->blocks, y = unit % d->blocks * ROWS;
        const int32_t rows = d->out_height - y < ROWS ? d->out_height - y : ROWS;
        d->kernels->depthwise_dynamic(depthwise, in + image * d->in_image + y * depthwise->in_row, scales[image],
                                      out + ((ptrdiff_t)image * d->out_height + y) * row, rows);
    }
}

/* `values`, or the one value or 0 for all channels; NULL with the error written. */
static const float *for_channels(eq_plan *plan, const float *values, int32_t count, int32_t channels) {
    if (count == channels) {
        return values;
    }
    float *all = eq_plan_take(plan, (size_t)channels * sizeof *all);
    for (int32_t c = 0; all && count && c < channels; ++c) {
        all[c] = *values;
    }
    return all;
}

static eq_status plan_layer(eq_plan *plan, const eq_operator *op, const eq_window *w, float min, float max) {
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    const eq_tensor *bias = eq_plan_input(plan, op, 2), *output = eq_plan_output(plan, op, 0);
    const int32_t channels = weights->dims[3], times = channels / input->dims[3];
    const float *scale = for_channels(plan, weights->scales, weights->scale_count, channels);
    const float *biases = for_channels(plan, bias ? bias->data : NULL, bias ? channels : 0, channels);
    eq_dynamic_input quantized;
    eq_status status = scale && biases ? EQ_OK : (eq_status)plan->error->status;
    if (status == EQ_OK) {
        status = eq_dynamic_quantize_images(plan, op, op->inputs[0], &w->pad, false, EQ_DYNAMIC_LITERT, &quantized);
    }
    if (status != EQ_OK) {
        return status;
    }
    const int32_t values = times == 1 ? quantized.values : eq_depthwise_repeat_channels(plan, op, quantized.values, times);
    eq_step *step = values < 0 ? NULL : eq_plan_step(plan, op, run, sizeof(step_data), 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const ptrdiff_t row = (ptrdiff_t)plan->tensors[values].tensor.dims[2] * channels;
    *(step_data *)step->data = (step_data){.kernels = plan->kernels,
                                           .depthwise = {.weights = weights->data,
                                                         .scale = scale,
                                                         .bias = biases,
                                                         .channels = channels,
                                                         .height = w->height,
                                                         .width = w->width,
                                                         .tap_row = w->dilation_y * row,
                                                         .tap_column = (ptrdiff_t)w->dilation_x * channels,
                                                         .in_row = w->stride_y * row,
                                                         .in_column = (ptrdiff_t)w->stride_x * channels,
                                                         .out_width = w->out_width,
                                                         .min = min,
                                                         .max = max},
                                           .out_height = w->out_height,
                                           .blocks = (w->out_height + ROWS - 1) / ROWS,
                                           .in_image = plan->tensors[values].tensor.dims[1] * row};
    step->units = output->dims[0] * ((w->out_height + ROWS - 1) / ROWS);
    step->macs = (uint64_t)eq_tensor_elements(output) * (uint64_t)w->height * (uint64_t)w->width;
    step->cost = step->macs;
    step->floats = true;
    step->inputs[0].tensor = values;
    step->inputs[1].tensor = quantized.scales;
    step->outputs[0].tensor = op->outputs[0];
    return EQ_OK;
}

eq_status eq_prepare_depthwise_dynamic(eq_plan *plan, const eq_operator *op) {
    eq_window window;
    int32_t activation;
    float min, max;
    eq_status status = eq_depthwise_read(plan, op, &window, &activation);
    if (status == EQ_OK) {
        const eq_tensor *weights = eq_plan_input(plan, op, 1);
        status = eq_dynamic_weights_check(plan, op, weights, eq_plan_input(plan, op, 2), 3, weights->dims[3]);
    }
    if (status == EQ_OK) {
        status = eq_activation_range_float(plan, op, activation, &min, &max);
    }
    return status == EQ_OK ? plan_layer(plan, op, &window, min, max) : status;
}

EQ_OPERATOR(DEPTHWISE_CONV_2D, eq_prepare_depthwise_dynamic, FLOAT32, INT8);
EQ_OPERATOR_KERNEL(depthwise_dynamic, DEPTHWISE_CONV_2D);
