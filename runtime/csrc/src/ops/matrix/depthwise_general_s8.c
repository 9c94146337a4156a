/* Depthwise convolution with 16-bit weights, for those of old uint8 models minus their zero point, and any multiplier. There is a kernel
 * for as many outputs as inputs, unless they are few. */
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "depthwise_s8.h"

enum { BLOCK = 64 }; /* output channels whose sums are kept together */

typedef struct step_data {
    const eq_kernels *kernels;
    eq_window window;
    int32_t channels, multiplier;
    const int32_t *bias;    /* (channels * multiplier) */
    const float *scale;     /* (channels * multiplier) */
    const int16_t *weights; /* (height, width, channels * multiplier) */
    int32_t zero_point, min, max;
} step_data;

/* sums[i] += weights[i] * in[(first + i) / multiplier] */
static void add_tap(const int16_t *weights, const int8_t *in, int32_t multiplier, int32_t first, int32_t count, int32_t *sums) {
    if (multiplier == 1) {
        for (int32_t i = 0; i < count; ++i) {
            sums[i] = eq_add_wrapping(sums[i], weights[i] * in[first + i]);
        }
        return;
    }
    for (int32_t i = 0; i < count; ++i) {
        sums[i] = eq_add_wrapping(sums[i], weights[i] * in[(first + i) / multiplier]);
    }
}

static void run_pixel(const step_data *d, const int8_t *in, ptrdiff_t row_stride, int8_t *out) {
    const eq_window *w = &d->window;
    const int32_t columns = d->channels * d->multiplier;
    for (int32_t first = 0; first < columns; first += BLOCK) {
        const int32_t count = columns - first < BLOCK ? columns - first : BLOCK;
        int32_t sums[BLOCK];
        memcpy(sums, d->bias + first, (size_t)count * sizeof *sums);
        for (int32_t y = 0; y < w->height; ++y) {
            for (int32_t x = 0; x < w->width; ++x) {
                const int16_t *weights = d->weights + ((ptrdiff_t)y * w->width + x) * columns + first;
                const int8_t *tap = in + y * w->dilation_y * row_stride + (ptrdiff_t)x * w->dilation_x * d->channels;
                add_tap(weights, tap, d->multiplier, first, count, sums);
            }
        }
        for (int32_t i = 0; i < count; ++i) {
            out[first + i] = eq_requantize(sums[i], d->scale[first + i], d->zero_point, d->min, d->max);
        }
    }
}

static bool has_kernel(const step_data *d) {
    return d->multiplier == 1 && d->channels >= EQ_DEPTHWISE_WIDE_CHANNELS;
}

/* The layer for the kernel, whose taps' offsets are in `offsets`. */
static eq_depthwise_wide wide_layer(const step_data *d, ptrdiff_t row_stride, ptrdiff_t *offsets) {
    const eq_window *w = &d->window;
    for (int32_t y = 0, tap = 0; y < w->height; ++y) {
        for (int32_t x = 0; x < w->width; ++x, ++tap) {
            offsets[tap] = y * w->dilation_y * row_stride + (ptrdiff_t)x * w->dilation_x * d->channels;
        }
    }
    return (eq_depthwise_wide){.bias = d->bias,
                               .scale = d->scale,
                               .weights = d->weights,
                               .channels = d->channels,
                               .taps = w->height * w->width,
                               .tap_offsets = offsets,
                               .in_column = (ptrdiff_t)w->stride_x * d->channels,
                               .zero_point = d->zero_point,
                               .min = d->min,
                               .max = d->max};
}

static void run_row(const step_data *d, const int8_t *window, ptrdiff_t row_stride, int8_t *to) {
    for (int32_t x = 0; x < d->window.out_width; ++x) {
        run_pixel(d, window, row_stride, to);
        window += (ptrdiff_t)d->window.stride_x * d->channels;
        to += d->channels * d->multiplier;
    }
}

/* A unit is one output row. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_window *w = &d->window;
    const eq_storage in = storage[step->inputs[0].tensor], out = storage[step->outputs[0].tensor];
    const bool by_kernel = has_kernel(d);
    eq_depthwise_wide wide = {0};
    if (by_kernel) {
        wide = wide_layer(d, in.row_stride, scratch);
    }
    for (int32_t unit = first; unit < last; ++unit) {
        const int32_t image = unit / w->out_height, y = unit % w->out_height;
        const int8_t *window = (const int8_t *)in.data + image * in.image_stride - (ptrdiff_t)w->pad.left * d->channels +
                               ((ptrdiff_t)y * w->stride_y - w->pad.top) * in.row_stride;
        int8_t *to = (int8_t *)out.data + image * out.image_stride + y * out.row_stride;
        if (by_kernel) {
            d->kernels->depthwise_wide(&wide, window, to, w->out_width);
        } else {
            run_row(d, window, in.row_stride, to);
        }
    }
}

typedef struct packer {
    const eq_depthwise_layer *layer;
    int16_t *column;
} packer;

static void pack(const void *arguments, void *packed) {
    const packer *p = arguments;
    const eq_weight_view view = eq_depthwise_view(p->layer);
    int32_t *bias = packed;
    int16_t *weights = (int16_t *)(bias + view.columns);
    for (int32_t c = 0; c < view.columns; ++c) {
        eq_weight_column(&view, &p->layer->quantized, c, 0, p->column, &bias[c]);
        for (int32_t tap = 0; tap < view.height * view.width; ++tap) {
            weights[(ptrdiff_t)tap * view.columns + c] = p->column[tap];
        }
    }
}

eq_status eq_depthwise_general_plan(eq_plan *plan, const eq_operator *op, const eq_depthwise_layer *layer) {
    const size_t columns = (size_t)layer->weights->dims[3];
    const size_t taps = (size_t)layer->window.height * (size_t)layer->window.width;
    packer p = {.layer = layer, .column = eq_plan_take(plan, taps * sizeof(int16_t))};
    if (!p.column) {
        return (eq_status)plan->error->status;
    }
    const int32_t *bias = eq_plan_packed(plan, op, columns * (sizeof(int32_t) + taps * sizeof(int16_t)), pack, &p);
    eq_step *step = bias ? eq_plan_step(plan, op, run, sizeof(step_data), 1, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = (step_data){
        .kernels = plan->kernels,
        .window = layer->window,
        .channels = layer->channels,
        .multiplier = (int32_t)columns / layer->channels,
        .bias = bias,
        .scale = layer->quantized.scale,
        .weights = (const int16_t *)(bias + columns),
        .zero_point = layer->quantized.out_zero_point,
        .min = layer->quantized.min,
        .max = layer->quantized.max,
    };
    step->scratch = has_kernel(step->data) ? taps * sizeof(ptrdiff_t) : 0;
    eq_depthwise_step_work(step, layer, (int64_t)layer->batch * layer->window.out_height);
    return EQ_OK;
}
