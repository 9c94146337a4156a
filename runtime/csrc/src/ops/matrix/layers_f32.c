/* Float layers inside int8 models: simple loops, sums in a fixed order, so the same results everywhere. */
#include "layers.h"

#include "ops/quantization.h"
#include "plan/operator.h"

/* One loop nest for all three: a convolution in groups; depthwise has a group for each input channel, a fully connected layer
 * windows of one pixel. Weights are found by strides. */
typedef struct step_data {
    eq_window window;
    int32_t batch, in_height, in_width, in_channels, out_channels, group_channels, group_columns;
    ptrdiff_t weight_column, weight_tap, weight_channel; /* elements between neighbours */
    const float *weights, *bias;
    float min, max;
} step_data;

/* The sum for output channel n, whose first input channel is at `in` in the pixel (0, 0); windows are cut at the borders. */
static float window_sum(const step_data *d, const float *in, int32_t y, int32_t x, int32_t n) {
    const eq_window *w = &d->window;
    float sum = d->bias ? d->bias[n] : 0.0f;
    for (int32_t i = 0; i < w->height; ++i) {
        const int64_t in_y = (int64_t)y * w->stride_y - w->pad.top + (int64_t)i * w->dilation_y;
        for (int32_t j = 0; j < w->width; ++j) {
            const int64_t in_x = (int64_t)x * w->stride_x - w->pad.left + (int64_t)j * w->dilation_x;
            if (in_y < 0 || in_y >= d->in_height || in_x < 0 || in_x >= d->in_width) {
                continue;
            }
            const float *pixel = in + (in_y * d->in_width + in_x) * d->in_channels;
            const float *weights = d->weights + n * d->weight_column + ((ptrdiff_t)i * w->width + j) * d->weight_tap;
            for (int32_t c = 0; c < d->group_channels; ++c) {
                sum += weights[c * d->weight_channel] * pixel[c];
            }
        }
    }
    return sum;
}

/* A unit is one output row. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_window *w = &d->window;
    const ptrdiff_t in_image = (ptrdiff_t)d->in_height * d->in_width * d->in_channels;
    (void)scratch;
    for (int32_t unit = first; unit < last; ++unit) {
        const float *in = (const float *)storage[step->inputs[0].tensor].data + unit / w->out_height * in_image;
        float *out = (float *)storage[step->outputs[0].tensor].data + (ptrdiff_t)unit * w->out_width * d->out_channels;
        for (int32_t x = 0; x < w->out_width; ++x) {
            for (int32_t n = 0; n < d->out_channels; ++n) {
                const float *group = in + n / d->group_columns * d->group_channels;
                const float sum = window_sum(d, group, unit % w->out_height, x, n);
                *out++ = sum < d->min ? d->min : sum > d->max ? d->max : sum;
            }
        }
    }
}

static eq_status check_types(eq_plan *plan, const eq_operator *op, int32_t columns) {
    const eq_tensor *weights = eq_plan_input(plan, op, 1), *bias = eq_plan_input(plan, op, 2);
    if (eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the output must be float32 where the input is");
    }
    if (weights->type != EQ_FLOAT32 || (bias && bias->type != EQ_FLOAT32)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "quantized weights with a float input are not supported");
    }
    if (!weights->data || (bias && !bias->data)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "weights and bias must be constant");
    }
    if (bias && eq_tensor_elements(bias) != columns) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the bias has %lld values for %d output channels",
                            (long long)eq_tensor_elements(bias), (int)columns);
    }
    return EQ_OK;
}

/* `layer` has its shapes; weights, bias and activation are added here. */
static eq_status plan_layer(eq_plan *plan, const eq_operator *op, int32_t activation, step_data layer) {
    const eq_tensor *bias = eq_plan_input(plan, op, 2);
    const eq_window *w = &layer.window;
    eq_status status = check_types(plan, op, layer.out_channels);
    if (status == EQ_OK) {
        status = eq_activation_range_float(plan, op, activation, &layer.min, &layer.max);
    }
    if (status != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof(step_data), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    layer.weights = eq_plan_input(plan, op, 1)->data;
    layer.bias = bias ? bias->data : NULL;
    *(step_data *)step->data = layer;
    step->units = layer.batch * w->out_height;
    step->macs = (uint64_t)step->units * (uint64_t)w->out_width * (uint64_t)layer.out_channels * (uint64_t)w->height *
                 (uint64_t)w->width * (uint64_t)layer.group_channels;
    step->cost = step->macs;
    step->plain = true;
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    return EQ_OK;
}

eq_status eq_prepare_conv_f32(eq_plan *plan, const eq_operator *op) {
    eq_window window;
    int32_t activation;
    const eq_status status = eq_conv_read(plan, op, &window, &activation);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    const step_data layer = {
        .window = window,
        .batch = input->dims[0],
        .in_height = input->dims[1],
        .in_width = input->dims[2],
        .in_channels = input->dims[3],
        .out_channels = weights->dims[0],
        .group_channels = weights->dims[3],
        .group_columns = weights->dims[0] / (input->dims[3] / weights->dims[3]),
        .weight_column = (ptrdiff_t)window.height * window.width * weights->dims[3],
        .weight_tap = weights->dims[3],
        .weight_channel = 1,
    };
    return plan_layer(plan, op, activation, layer);
}

eq_status eq_prepare_depthwise_f32(eq_plan *plan, const eq_operator *op) {
    eq_window window;
    int32_t activation;
    const eq_status status = eq_depthwise_read(plan, op, &window, &activation);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    const step_data layer = {
        .window = window,
        .batch = input->dims[0],
        .in_height = input->dims[1],
        .in_width = input->dims[2],
        .in_channels = input->dims[3],
        .out_channels = weights->dims[3],
        .group_channels = 1,
        .group_columns = weights->dims[3] / input->dims[3],
        .weight_column = 1,
        .weight_tap = weights->dims[3],
        .weight_channel = 0,
    };
    return plan_layer(plan, op, activation, layer);
}

eq_status eq_prepare_fully_connected_f32(eq_plan *plan, const eq_operator *op) {
    int32_t rows, activation;
    const eq_status status = eq_fully_connected_read(plan, op, &rows, &activation);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *weights = eq_plan_input(plan, op, 1);
    const eq_window pixel = {.height = 1,
                             .width = 1,
                             .stride_y = 1,
                             .stride_x = 1,
                             .dilation_y = 1,
                             .dilation_x = 1,
                             .out_height = rows,
                             .out_width = 1};
    const step_data layer = {
        .window = pixel,
        .batch = 1,
        .in_height = rows,
        .in_width = 1,
        .in_channels = weights->dims[1],
        .out_channels = weights->dims[0],
        .group_channels = weights->dims[1],
        .group_columns = weights->dims[0],
        .weight_column = weights->dims[1],
        .weight_channel = 1,
    };
    return plan_layer(plan, op, activation, layer);
}

EQ_OPERATOR(CONV_2D, eq_prepare_conv_f32, FLOAT32);
EQ_OPERATOR(DEPTHWISE_CONV_2D, eq_prepare_depthwise_f32, FLOAT32);
EQ_OPERATOR(FULLY_CONNECTED, eq_prepare_fully_connected_f32, FLOAT32);
