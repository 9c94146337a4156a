/* DEPTHWISE_CONV_2D of floats. With more outputs than inputs, each input channel is repeated for its outputs first; with one input
 * channel it is an ordinary convolution.
 *
 * Sums have XNNPACK's order and so its bits, for what they are quantized to later hangs on the last: column by column, but row by row
 * where it has no kernel for so many taps or outputs. The kernel then takes rows for columns. */
#include "layers.h"
#include "plan/operator.h"
#include "product_f32.h"

enum { XNNPACK_TAPS = 25, NARROW = 4 };

typedef struct step_data {
    const eq_depthwise_f32_kernel *kernel;
    eq_depthwise_f32 depthwise; /* all but what depends on the tensors' strides */
    int32_t out_height, stride_y, dilation_y, first_y;
    ptrdiff_t first_x, tap_column; /* bytes */
    bool by_rows;
} step_data;

/* Kernels compute neighbours of a row together, and a narrow image, as of sounds, has them above each other. */
static void run_rows(const step_data *d, eq_depthwise_f32 depthwise, const void *in, void *out, int32_t rows) {
    const eq_depthwise_f32 given = depthwise;
    const bool turns = given.out_width < NARROW && rows > given.out_width;
    if (turns) {
        depthwise.in_row = given.in_column;
        depthwise.in_column = given.in_row;
        depthwise.out_row = given.out_column;
        depthwise.out_column = given.out_row;
        depthwise.out_width = rows;
    }
    d->kernel->run(&depthwise, in, out, turns ? given.out_width : rows);
}

/* A unit is an output row. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_storage in = storage[step->inputs[0].tensor], out = storage[step->outputs[0].tensor];
    eq_depthwise_f32 depthwise = d->depthwise;
    const ptrdiff_t tap_row = d->dilation_y * in.row_stride;
    depthwise.tap_row = d->by_rows ? d->tap_column : tap_row;
    depthwise.tap_column = d->by_rows ? tap_row : d->tap_column;
    depthwise.in_row = d->stride_y * in.row_stride;
    depthwise.out_row = out.row_stride;
    (void)scratch;
    while (first < last) { /* as many rows of an image as are asked for */
        const int32_t image = first / d->out_height, y = first % d->out_height, left = d->out_height - y;
        const int32_t rows = last - first < left ? last - first : left;
        const uint8_t *from = (const uint8_t *)in.data + image * in.image_stride + d->first_x +
                              ((ptrdiff_t)y * d->stride_y + d->first_y) * in.row_stride;
        uint8_t *to = (uint8_t *)out.data + image * out.image_stride + y * out.row_stride;
        run_rows(d, depthwise, from, to, rows);
        first += rows;
    }
}

typedef struct packer {
    const eq_depthwise_f32_kernel *kernel;
    eq_depthwise_f32_weights weights;
} packer;

static void pack(const void *arguments, void *packed) {
    const packer *p = arguments;
    p->kernel->pack(&p->weights, packed);
}

static const eq_depthwise_f32_kernel *kernel_of(const eq_plan *plan, const eq_operator *op) {
    return eq_plan_input(plan, op, 0)->type == EQ_FLOAT16 ? &plan->kernels->depthwise_f16 : &plan->kernels->depthwise_f32;
}

static const void *pack_layer(eq_plan *plan, const eq_operator *op, const eq_window *w, int32_t channels, bool by_rows) {
    const eq_tensor *weights = eq_plan_input(plan, op, 1), *bias = eq_plan_input(plan, op, 2);
    const ptrdiff_t row = (ptrdiff_t)w->width * channels;
    const packer p = {kernel_of(plan, op),
                      {.channels = channels,
                       .height = by_rows ? w->width : w->height,
                       .width = by_rows ? w->height : w->width,
                       .weights = weights->data,
                       .row = by_rows ? channels : row,
                       .column = by_rows ? row : channels,
                       .bias = bias ? bias->data : NULL}};
    return eq_plan_packed(plan, op, p.kernel->packed_bytes(&p.weights), pack, &p);
}

static eq_status plan_kernel(eq_plan *plan, const eq_operator *op, int32_t tensor, const eq_window *w, float min, float max) {
    const eq_tensor *input = eq_plan_input(plan, op, 0);
    const int32_t channels = eq_plan_input(plan, op, 1)->dims[3], times = channels / input->dims[3];
    const int32_t rows = input->dims[0] * w->out_height;
    const int32_t in_tensor = times == 1 ? tensor : eq_depthwise_repeat_channels(plan, op, tensor, times);
    /* By the file's channels: all sessions share the packed weights, whatever their sizes are. */
    const eq_tensor *given = &plan->graph->tensors[op->inputs[0]];
    const bool repeats = given->rank != 4 || given->dims[3] != channels;
    const bool by_rows = repeats || (int64_t)w->height * w->width > XNNPACK_TAPS;
    const void *packed = in_tensor < 0 ? NULL : pack_layer(plan, op, w, channels, by_rows);
    eq_step *step = packed ? eq_plan_step(plan, op, run, sizeof(step_data), 1, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const ptrdiff_t pixel = (ptrdiff_t)channels * eq_type_size(input->type);
    *(step_data *)step->data = (step_data){.kernel = kernel_of(plan, op),
                                           .depthwise = {.packed = packed,
                                                         .channels = channels,
                                                         .height = by_rows ? w->width : w->height,
                                                         .width = by_rows ? w->height : w->width,
                                                         .in_column = w->stride_x * pixel,
                                                         .out_column = pixel,
                                                         .out_width = w->out_width,
                                                         .min = min,
                                                         .max = max},
                                           .out_height = w->out_height,
                                           .stride_y = w->stride_y,
                                           .dilation_y = w->dilation_y,
                                           .first_y = -w->pad.top,
                                           .first_x = -w->pad.left * pixel,
                                           .tap_column = w->dilation_x * pixel,
                                           .by_rows = by_rows};
    step->units = rows;
    step->macs = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) * (uint64_t)w->height * (uint64_t)w->width;
    step->cost = step->macs;
    step->floats = true;
    step->inputs[0] = (eq_use){.tensor = in_tensor, .rows = true, .halo = w->pad};
    step->outputs[0] = (eq_use){.tensor = op->outputs[0], .rows = true};
    return EQ_OK;
}

static eq_status plan_gemm(eq_plan *plan, const eq_operator *op, int32_t tensor, const eq_window *w, float min, float max) {
    const int32_t columns = eq_plan_input(plan, op, 1)->dims[3];
    eq_product_f32 product = {
        .geometry = eq_gemm_window_geometry(eq_plan_input(plan, op, 0), w, columns),
        .weights = op->inputs[1],
        .bias = op->input_count > 2 ? op->inputs[2] : -1,
        .in_tensor = tensor,
        .out_tensor = op->outputs[0],
        .halo = w->pad,
        .min = min,
        .max = max,
        .matrix_count = 1,
        .part_count = 1,
        .matrices = eq_plan_take(plan, sizeof *product.matrices),
        .parts = eq_plan_take(plan, sizeof *product.parts),
    };
    if (!product.matrices || !product.parts) {
        return (eq_status)plan->error->status;
    }
    *product.matrices = (eq_matrix_f32){.columns = columns,
                                        .height = w->height,
                                        .width = w->width,
                                        .channels = 1,
                                        .column_stride = 1,
                                        .row_stride = (ptrdiff_t)columns * w->width,
                                        .tap_stride = columns,
                                        .channel_stride = 0};
    *product.parts = (eq_part_f32){.in_y = -w->pad.top, .in_x = -w->pad.left, .height = w->out_height, .width = w->out_width};
    return eq_product_f32_plan(plan, op, &product);
}

eq_status eq_prepare_depthwise_f32(eq_plan *plan, const eq_operator *op) {
    eq_window window;
    int32_t activation;
    float min, max;
    eq_status status = eq_depthwise_read(plan, op, &window, &activation);
    if (status == EQ_OK) {
        status = eq_float_layer_read(plan, op, eq_plan_input(plan, op, 0), activation, &min, &max);
    }
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *weights = eq_plan_input(plan, op, 1), *bias = eq_plan_input(plan, op, 2);
    status = eq_float_weights_check(plan, op, weights, bias, weights->dims[3]);
    if (status == EQ_OK && (!weights->data || (bias && !bias->data))) {
        status = eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "weights and bias must be constant");
    }
    if (status != EQ_OK) {
        return status;
    }
    const int32_t tensor = eq_window_absorb_pad(plan, op->inputs[0], &window);
    return plan->tensors[tensor].tensor.dims[3] == 1 ? plan_gemm(plan, op, tensor, &window, min, max)
                                                     : plan_kernel(plan, op, tensor, &window, min, max);
}

EQ_OPERATOR(DEPTHWISE_CONV_2D, eq_prepare_depthwise_f32, FLOAT32, FLOAT32);
EQ_OPERATOR(DEPTHWISE_CONV_2D, eq_prepare_depthwise_f32, FLOAT16, FLOAT32);
EQ_OPERATOR_KERNEL(depthwise_f32, DEPTHWISE_CONV_2D);
