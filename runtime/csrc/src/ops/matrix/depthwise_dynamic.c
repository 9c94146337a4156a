/* DEPTHWISE_CONV_2D of a float input with int8 weights: LiteRT's own kernel, which quantizes each image. */
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "dynamic.h"
#include "layers.h"
#include "ops/quantization.h"
#include "plan/operator.h"

enum { BLOCK = 64 }; /* output channels whose sums are kept together */

typedef struct step_data {
    eq_window window;
    int32_t height, width, channels, multiplier; /* of the input */
    const int8_t *weights;                       /* (height, width, channels * multiplier) */
    const float *scales, *bias;
    int32_t scale_count;
    float min, max;
} step_data;

/* Where the window of an output pixel begins. */
typedef struct place {
    int64_t y, x;
} place;

/* sums[i] += weight * (in - zero point) of the output channels from `first` on. */
static void add_tap(const step_data *d, const int8_t *weights, const int8_t *in, int32_t zero_point, int32_t first,
                    int32_t count, int32_t *sums) {
    if (d->multiplier == 1) {
        for (int32_t i = 0; i < count; ++i) {
            sums[i] += weights[first + i] * (in[first + i] - zero_point);
        }
        return;
    }
    for (int32_t i = 0; i < count; ++i) {
        sums[i] += weights[first + i] * (in[(first + i) / d->multiplier] - zero_point);
    }
}

static void sum_window(const step_data *d, const int8_t *in, int32_t zero_point, place at, int32_t first, int32_t count,
                       int32_t *sums) {
    const eq_window *w = &d->window;
    memset(sums, 0, (size_t)count * sizeof *sums);
    for (int32_t i = 0; i < w->height; ++i) {
        const int64_t y = at.y + (int64_t)i * w->dilation_y;
        for (int32_t j = 0; y >= 0 && y < d->height && j < w->width; ++j) {
            const int64_t x = at.x + (int64_t)j * w->dilation_x;
            if (x >= 0 && x < d->width) {
                const ptrdiff_t tap = ((ptrdiff_t)i * w->width + j) * d->channels * d->multiplier;
                add_tap(d, d->weights + tap, in + (y * d->width + x) * d->channels, zero_point, first, count, sums);
            }
        }
    }
}

/* A unit is one output row. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_window *w = &d->window;
    const eq_dynamic_scale *scales = storage[step->inputs[1].tensor].data;
    const int32_t columns = d->channels * d->multiplier;
    float *out = (float *)storage[step->outputs[0].tensor].data + (ptrdiff_t)first * w->out_width * columns;
    (void)scratch;
    for (int32_t unit = first; unit < last; ++unit) {
        const int32_t image = unit / w->out_height, y = unit % w->out_height;
        const int8_t *in =
            (const int8_t *)storage[step->inputs[0].tensor].data + (ptrdiff_t)image * d->height * d->width * d->channels;
        for (int32_t x = 0; x < w->out_width; ++x, out += columns) {
            const place at = {(int64_t)y * w->stride_y - w->pad.top, (int64_t)x * w->stride_x - w->pad.left};
            for (int32_t c = 0; c < columns; c += BLOCK) {
                int32_t sums[BLOCK];
                const int32_t count = columns - c < BLOCK ? columns - c : BLOCK;
                sum_window(d, in, scales[image].zero_point, at, c, count, sums);
                for (int32_t i = 0; i < count; ++i) {
                    const float scaled = (float)sums[i] * d->scales[d->scale_count == 1 ? 0 : c + i];
                    const float product = scaled * scales[image].scale, z = product + (d->bias ? d->bias[c + i] : 0.0f);
                    const float low = z < d->min ? d->min : z;
                    out[c + i] = low > d->max ? d->max : low;
                }
            }
        }
    }
}

static eq_status plan_layer(eq_plan *plan, const eq_operator *op, const step_data *layer) {
    const eq_tensor *input = eq_plan_input(plan, op, 0), *output = eq_plan_output(plan, op, 0);
    eq_dynamic_input quantized;
    const eq_status status = eq_dynamic_quantize(plan, op, op->inputs[0], input->dims[0], EQ_DYNAMIC_LITERT, &quantized);
    if (status != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof *layer, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = *layer;
    step->units = output->dims[0] * output->dims[1];
    step->macs = (uint64_t)eq_tensor_elements(output) * (uint64_t)layer->window.height * (uint64_t)layer->window.width;
    step->cost = step->macs;
    step->slow = true;
    step->inputs[0].tensor = quantized.values;
    step->inputs[1].tensor = quantized.scales;
    step->outputs[0].tensor = op->outputs[0];
    return EQ_OK;
}

eq_status eq_prepare_depthwise_dynamic(eq_plan *plan, const eq_operator *op) {
    step_data d = {0};
    int32_t activation;
    eq_status status = eq_depthwise_read(plan, op, &d.window, &activation);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    const eq_tensor *bias = eq_plan_input(plan, op, 2);
    status = eq_dynamic_weights_check(plan, op, weights, bias, 3, weights->dims[3]);
    if (status == EQ_OK) {
        status = eq_activation_range_float(plan, op, activation, &d.min, &d.max);
    }
    if (status == EQ_OK && (int64_t)d.window.height * d.window.width > 1 << 15) {
        status = eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "a window of more than 2^15 pixels is not supported here");
    }
    if (status != EQ_OK) {
        return status;
    }
    d.height = input->dims[1];
    d.width = input->dims[2];
    d.channels = input->dims[3];
    d.multiplier = weights->dims[3] / d.channels;
    d.weights = weights->data;
    d.scales = weights->scales;
    d.scale_count = weights->scale_count;
    d.bias = bias ? bias->data : NULL;
    return plan_layer(plan, op, &d);
}

EQ_OPERATOR(DEPTHWISE_CONV_2D, eq_prepare_depthwise_dynamic, FLOAT32, INT8);
