/* Transposed convolutions whose kernel is smaller than the stride, or whose input is not the one that belongs to the output:
 * the definition, in the integer arithmetic of LiteRT's optimized kernel (optimized_ops::Quantize). Values in full blocks of
 * its vector loop are rounded in another way than the rest. */
#include "arithmetic/fixed_point.h"
#include "transpose_conv.h"

typedef struct step_data {
    eq_transpose_conv conv;
    eq_quantized_layer quantized;
    const eq_fixed *scale; /* (columns) */
    int64_t blocked;       /* int8: columns, uint8: values of the output, that fill blocks */
} step_data;

static int8_t requantize(const step_data *d, int32_t sum, int32_t n, int64_t place) {
    const bool in_block = (d->conv.output->file_type == EQ_UINT8 ? place : n) < d->blocked;
    const int32_t value = in_block ? eq_fixed_multiply_ties_up(sum, d->scale[n]) : eq_fixed_multiply(sum, d->scale[n]);
    const eq_quantized_layer *q = &d->quantized;
    return (int8_t)eq_clamp(eq_add_wrapping(value, q->out_zero_point), q->min, q->max);
}

/* The input pixel that tap `tap` looks at for output pixel `out`, or -1. */
static int64_t input_pixel(int32_t out, int32_t before, int32_t tap, int32_t stride, int32_t size) {
    const int64_t place = (int64_t)out + before - tap;
    return place >= 0 && place % stride == 0 && place / stride < size ? place / stride : -1;
}

static int32_t tap_product(const step_data *d, const int8_t *weights, const int8_t *pixel, int32_t n) {
    const eq_quantized_layer *q = &d->quantized;
    const int32_t weight_zero_point = q->weight_zero_points[q->weight_zero_point_count == 1 ? 0 : n];
    int32_t sum = 0;
    for (int32_t i = 0; i < d->conv.input->dims[3]; ++i) {
        sum = eq_add_wrapping(sum, (weights[i] - weight_zero_point) * (pixel[i] - q->in_zero_point));
    }
    return sum;
}

static int32_t window_sum(const step_data *d, const int8_t *image, int32_t y, int32_t x, int32_t n) {
    const eq_transpose_conv *c = &d->conv;
    const int32_t *w = c->weights->dims, *in = c->input->dims;
    const int8_t *weights = (const int8_t *)c->weights->data + (ptrdiff_t)n * w[1] * w[2] * w[3];
    int32_t sum = d->quantized.bias ? d->quantized.bias[n] : 0;
    for (int32_t i = 0; i < w[1]; ++i) {
        for (int32_t j = 0; j < w[2]; ++j, weights += w[3]) {
            const int64_t in_y = input_pixel(y, c->top, i, c->stride_y, in[1]);
            const int64_t in_x = input_pixel(x, c->left, j, c->stride_x, in[2]);
            if (in_y >= 0 && in_x >= 0) {
                sum = eq_add_wrapping(sum, tap_product(d, weights, image + (in_y * in[2] + in_x) * in[3], n));
            }
        }
    }
    return sum;
}

/* A unit is one output row. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const int32_t *in = d->conv.input->dims, *out = d->conv.output->dims;
    (void)scratch;
    for (int32_t unit = first; unit < last; ++unit) {
        const int8_t *image =
            (const int8_t *)storage[step->inputs[0].tensor].data + (ptrdiff_t)(unit / out[1]) * in[1] * in[2] * in[3];
        const int64_t row = (int64_t)unit * out[2] * out[3];
        int8_t *to = (int8_t *)storage[step->outputs[0].tensor].data + row;
        for (int32_t i = 0; i < out[2] * out[3]; ++i) {
            const int32_t n = i % out[3];
            const int32_t sum = window_sum(d, image, unit % out[1], i / out[3], n);
            to[i] = requantize(d, sum, n, row + i);
        }
    }
}

eq_status eq_transpose_conv_irregular_plan(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv,
                                           const eq_quantized_layer *quantized) {
    const eq_tensor *weights = conv->weights;
    eq_fixed *scale = eq_plan_take(plan, (size_t)weights->dims[0] * sizeof *scale);
    eq_step *step = scale ? eq_plan_step(plan, op, run, sizeof(step_data), 1, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    for (int32_t n = 0; n < weights->dims[0]; ++n) { /* in double: LiteRT's PopulateConvolutionQuantizationParams */
        const double product = (double)conv->input->scales[0] * (double)weights->scales[weights->scale_count == 1 ? 0 : n];
        scale[n] = eq_fixed_from(product / (double)conv->output->scales[0]);
    }
    const int64_t values = eq_tensor_elements(conv->output), columns = weights->dims[0];
    const int64_t blocked = conv->output->file_type == EQ_UINT8 ? values - values % 16 : columns - columns % 8;
    *(step_data *)step->data = (step_data){.conv = *conv, .quantized = *quantized, .scale = scale, .blocked = blocked};
    step->units = conv->output->dims[0] * conv->output->dims[1];
    step->macs = (uint64_t)eq_tensor_elements(conv->input) * (uint64_t)weights->dims[0] * (uint64_t)weights->dims[1] *
                 (uint64_t)weights->dims[2];
    step->cost = step->macs;
    step->slow = true;
    step->inputs[0].tensor = conv->in_tensor;
    step->outputs[0].tensor = conv->out_tensor;
    return EQ_OK;
}
