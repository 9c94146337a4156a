/* DEPTHWISE_CONV_2D: input (batch, height, width, channels), weights (1, kernel height, kernel width, channels * multiplier),
 * bias (channels * multiplier). Output channel c looks at input channel c / multiplier only. */
#include "depthwise_s8.h"

#include "base/built_in.h"

#include "base/memory.h"
#include "gemm_driver.h"
#include "layers.h"
#include "plan/operator.h"

/* Of rows that the kernel likes to do together: of fewer, one more or less is much of a thread's share. */
enum { LEAST_UNITS = 8 };

typedef struct step_data {
    const eq_depthwise_kernel *kernel;
    eq_depthwise depthwise; /* all but what depends on the tensors' strides */
    int32_t out_height, stride_y, dilation_y;
    int32_t unit_rows; /* output rows of a unit */
    ptrdiff_t first_x; /* bytes */
    int32_t first_y;
} step_data;

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *data = step->data;
    const eq_storage in = storage[step->inputs[0].tensor], out = storage[step->outputs[0].tensor];
    const int32_t rows = data->unit_rows, units = (data->out_height + rows - 1) / rows;
    eq_depthwise depthwise = data->depthwise;
    depthwise.tap_row = data->dilation_y * in.row_stride;
    depthwise.in_row = data->stride_y * in.row_stride;
    depthwise.out_row = out.row_stride;
    (void)scratch;
    while (first < last) {
        const int32_t image = first / units, unit = first - image * units, y = unit * rows;
        const int32_t count = last - first < units - unit ? last - first : units - unit;
        const int32_t left = data->out_height - y;
        const int8_t *window = (const int8_t *)in.data + image * in.image_stride + data->first_x +
                               ((ptrdiff_t)y * data->stride_y + data->first_y) * in.row_stride;
        int8_t *to = (int8_t *)out.data + image * out.image_stride + y * out.row_stride;
        data->kernel->run(&depthwise, window, to, (int64_t)count * rows < left ? count * rows : left);
        first += count;
    }
}

/* ---- packing; after the kernel's bytes, padded to a multiple of 64, one byte: `small` ---- */

typedef struct packer {
    const eq_depthwise_layer *layer;
    const eq_depthwise_kernel *kernel;
    int16_t *column;
    int32_t *bias;
    int8_t *weights; /* (height, width, channels), minus their zero points */
} packer;

static eq_depthwise_weights kernel_weights(const packer *p) {
    return (eq_depthwise_weights){
        .channels = p->layer->channels,
        .height = p->layer->window.height,
        .width = p->layer->window.width,
        .weights = p->weights,
        .bias = p->bias,
        .scale = p->layer->quantized.scale,
        .zero_point = p->layer->quantized.out_zero_point,
    };
}

static size_t small_offset(const packer *p) {
    const eq_depthwise_weights weights = kernel_weights(p);
    return (p->kernel->packed_bytes(&weights) + 63) & ~(size_t)63;
}

eq_weight_view eq_depthwise_view(const eq_depthwise_layer *layer) {
    const ptrdiff_t channels = layer->weights->dims[3];
    return (eq_weight_view){.data = layer->weights->data,
                            .columns = (int32_t)channels,
                            .height = layer->window.height,
                            .width = layer->window.width,
                            .channels = 1,
                            .column_stride = 1,
                            .row_stride = channels * layer->window.width,
                            .tap_stride = channels,
                            .channel_stride = 0};
}

static void pack(const void *arguments, void *packed) {
    const packer *p = arguments;
    const eq_weight_view view = eq_depthwise_view(p->layer);
    eq_depthwise_weights weights = kernel_weights(p);
    const int32_t taps = view.height * view.width;
    weights.small = true;
    for (int32_t c = 0; c < view.columns; ++c) {
        weights.small &= eq_weight_column(&view, &p->layer->quantized, c, 0, p->column, &p->bias[c]);
        for (int32_t tap = 0; tap < taps; ++tap) {
            p->weights[(ptrdiff_t)tap * view.columns + c] = (int8_t)p->column[tap];
        }
    }
    p->kernel->pack(&weights, packed);
    ((uint8_t *)packed)[small_offset(p)] = weights.small;
}

static const uint8_t *pack_layer(eq_plan *plan, const eq_operator *op, const eq_depthwise_layer *layer, bool *small) {
    const size_t taps = (size_t)layer->window.height * (size_t)layer->window.width, channels = (size_t)layer->channels;
    eq_memory_block *memory = NULL;
    packer p = {.layer = layer, .kernel = &plan->kernels->depthwise};
    const eq_weight_view view = eq_depthwise_view(layer);
    if (!eq_weights_fit(&view, 1)) {
        eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has more weights than the address space has room for");
        *small = false;
        return NULL;
    }
    const uint8_t *packed = NULL;
    p.column = eq_memory_take(&memory, taps * sizeof *p.column);
    p.bias = eq_memory_take(&memory, channels * sizeof *p.bias);
    p.weights = eq_memory_take(&memory, channels * taps);
    if (p.column && p.bias && p.weights) {
        packed = eq_plan_packed(plan, op, small_offset(&p) + 1, pack, &p);
    } else {
        eq_plan_fail(plan, op, EQ_ERROR_MEMORY, "no memory to pack the weights");
    }
    *small = packed && packed[small_offset(&p)];
    eq_memory_free(&memory);
    return packed;
}

/* ---- planning ---- */

static eq_status plan_kernel(eq_plan *plan, const eq_operator *op, const eq_depthwise_layer *layer) {
    const eq_window *w = &layer->window;
    bool small;
    const void *packed = pack_layer(plan, op, layer, &small);
    eq_step *step = packed ? eq_plan_step(plan, op, run, sizeof(step_data), 1, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const eq_depthwise_kernel *kernel = &plan->kernels->depthwise;
    const int32_t unit_rows = w->out_height < LEAST_UNITS * kernel->rows ? 1 : kernel->rows;
    *(step_data *)step->data = (step_data){
        .kernel = kernel,
        .depthwise = {.packed = packed,
                      .channels = layer->channels,
                      .height = w->height,
                      .width = w->width,
                      .tap_column = (ptrdiff_t)w->dilation_x * layer->channels,
                      .in_column = (ptrdiff_t)w->stride_x * layer->channels,
                      .out_width = w->out_width,
                      .zero_point = layer->quantized.out_zero_point,
                      .min = layer->quantized.min,
                      .max = layer->quantized.max,
                      .small = small},
        .out_height = w->out_height,
        .unit_rows = unit_rows,
        .stride_y = w->stride_y,
        .dilation_y = w->dilation_y,
        .first_x = -(ptrdiff_t)w->pad.left * layer->channels,
        .first_y = -w->pad.top,
    };
    const int64_t units = (int64_t)layer->batch * ((w->out_height + unit_rows - 1) / unit_rows);
    eq_depthwise_step_work(step, layer, units);
    return EQ_OK;
}

void eq_depthwise_step_work(eq_step *step, const eq_depthwise_layer *layer, int64_t units) {
    const eq_window *w = &layer->window;
    step->units = (int32_t)units; /* no more than the output has values */
    step->macs = (uint64_t)layer->batch * (uint64_t)w->out_height * (uint64_t)w->out_width * (uint64_t)layer->weights->dims[3] *
                 (uint64_t)w->height * (uint64_t)w->width;
    step->cost = step->macs;
    step->inputs[0] = (eq_use){.tensor = layer->in_tensor, .rows = true, .halo = w->pad};
    step->outputs[0] = (eq_use){.tensor = layer->out_tensor, .rows = true};
}

/* One input channel: an ordinary convolution, whose weights have their columns innermost. */
static eq_status plan_gemm(eq_plan *plan, const eq_operator *op, const eq_depthwise_layer *layer) {
    const eq_window *w = &layer->window;
    eq_gemm_part part = {.weights = eq_depthwise_view(layer),
                         .in_y = -w->pad.top,
                         .in_x = -w->pad.left,
                         .height = w->out_height,
                         .width = w->out_width};
    const eq_gemm_layer gemm = {
        .geometry = eq_gemm_window_geometry(eq_plan_input(plan, op, 0), w, layer->weights->dims[3]),
        .quantized = layer->quantized,
        .weights = layer->weights,
        .in_tensor = layer->in_tensor,
        .out_tensor = layer->out_tensor,
        .halo = w->pad,
        .part_count = 1,
        .parts = &part,
    };
    return eq_gemm_layer_plan(plan, op, &gemm);
}

static eq_status plan_layer(eq_plan *plan, const eq_operator *op, eq_depthwise_layer *layer, int32_t activation) {
    const eq_tensor *input = eq_plan_input(plan, op, 0), *output = eq_plan_output(plan, op, 0);
    layer->in_tensor = eq_window_absorb_pad(plan, op->inputs[0], &layer->window);
    eq_status status = eq_quantized_layer_read(plan, op, input, layer->weights, eq_plan_input(plan, op, 2), output, 3,
                                               layer->weights->dims[3], activation, &layer->quantized);
    if (status != EQ_OK) {
        return status;
    }
    if (layer->channels == 1) {
        return plan_gemm(plan, op, layer);
    }
    if (layer->channels == layer->weights->dims[3] && eq_weight_terms(layer->weights, false) == 1) {
        return plan_kernel(plan, op, layer);
    }
    return eq_depthwise_general_plan(plan, op, layer);
}

eq_status eq_prepare_depthwise_s8(eq_plan *plan, const eq_operator *op) {
    eq_depthwise_layer layer = {0};
    int32_t activation;
    if (eq_has_int4_weights(plan, op)) {
        return EQ_HAS_INT4 ? eq_depthwise_plan_s4(plan, op)
                           : eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                                          "has weights of int4, which this build of the engine leaves out");
    }
    const eq_status status = eq_depthwise_read(plan, op, &layer.window, &activation);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *input = eq_plan_input(plan, op, 0);
    layer.weights = eq_plan_input(plan, op, 1);
    layer.out_tensor = op->outputs[0];
    layer.batch = input->dims[0];
    layer.channels = input->dims[3];
    return plan_layer(plan, op, &layer, activation);
}

EQ_OPERATOR(DEPTHWISE_CONV_2D, eq_prepare_depthwise_s8, INT8);
EQ_OPERATOR_KERNEL(depthwise, DEPTHWISE_CONV_2D);
EQ_OPERATOR_NOTE(DEPTHWISE_CONV_2D, "any stride, dilation, padding, multiplier; constant weights");
