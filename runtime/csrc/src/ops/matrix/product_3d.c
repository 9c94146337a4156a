#include "product_3d.h"

#include <string.h>

#include "base/memory.h"
#include "ops/quantization.h"

enum { ROWS = 24 };              /* pixels of a unit: whole tiles of any kernel */
enum { MOST_PADDING = 1 << 16 }; /* pixels on a side; more is no network but an attack on our memory */
enum { BATCH, FIRST_AXIS, CHANNELS = 4, RANK };
enum { PADDING, STRIDES = 1, ACTIVATION = 4, DILATIONS = 5 }; /* fields of the options */

typedef struct run_part {
    eq_part_3d part;
    size_t packed; /* bytes before its weights */
    int64_t pixels;
    int32_t segments, first_unit;
} run_part;

typedef struct layer {
    const eq_gemm_f32_kernel *kernel;
    const uint8_t *packed;                           /* NULL: the second input */
    int32_t in[RANK], out[RANK], before[EQ_AXES_3D]; /* of the padded input, and its padding */
    float min, max;
    int32_t part_count;
    run_part parts[];
} layer;

/* ---- padding: a copy of the input with zeros around each volume ---- */

typedef struct padding {
    int32_t in[RANK], out[RANK], before[EQ_AXES_3D];
} padding;

/* A unit is a plane of the copy. */
static void run_pad(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const padding *p = step->data;
    const size_t row = (size_t)p->in[3] * (size_t)p->in[CHANNELS], wide = (size_t)p->out[3] * (size_t)p->out[CHANNELS];
    const float *in = storage[step->inputs[0].tensor].data;
    for (int32_t unit = first; unit < last; ++unit) {
        float *plane = (float *)storage[step->outputs[0].tensor].data + (size_t)unit * wide * (size_t)p->out[2];
        const int32_t image = unit / p->out[1], z = unit % p->out[1] - p->before[0];
        memset(plane, 0, wide * (size_t)p->out[2] * sizeof *plane);
        for (int32_t y = 0; z >= 0 && z < p->in[1] && y < p->in[2]; ++y) {
            memcpy(plane + (size_t)(y + p->before[1]) * wide + (size_t)p->before[2] * (size_t)p->in[CHANNELS],
                   in + (((size_t)image * (size_t)p->in[1] + (size_t)z) * (size_t)p->in[2] + (size_t)y) * row,
                   row * sizeof *in);
        }
    }
}

/* How far the parts reach before and past the input along an axis. */
static void find_reach(const eq_product_3d *product, int32_t axis, int32_t size, int64_t *before, int64_t *after) {
    *before = *after = 0;
    for (int32_t i = 0; i < product->part_count; ++i) {
        const eq_axis_3d *a = &product->parts[i].axes[axis];
        if (a->count < 1 || a->taps < 1) {
            continue;
        }
        const int64_t taps = (int64_t)(a->taps - 1) * a->tap_step, pixels = (int64_t)(a->count - 1) * a->in_step;
        const int64_t low = a->in + (taps < 0 ? taps : 0), high = a->in + (taps > 0 ? taps : 0) + pixels;
        *before = -low > *before ? -low : *before;
        *after = high - (size - 1) > *after ? high - (size - 1) : *after;
    }
}

/* The tensor that the product reads: the input, or a padded copy. -1: error written. */
static int32_t pad_input(eq_plan *plan, const eq_operator *op, const eq_product_3d *product, layer *d) {
    const eq_tensor *in = &plan->tensors[product->in_tensor].tensor;
    padding p;
    bool needed = false;
    memcpy(p.in, in->dims, sizeof p.in);
    memcpy(p.out, in->dims, sizeof p.out);
    for (int32_t axis = 0; axis < EQ_AXES_3D; ++axis) {
        int64_t before, after;
        find_reach(product, axis, p.in[FIRST_AXIS + axis], &before, &after);
        if (before > MOST_PADDING || after > MOST_PADDING || p.in[FIRST_AXIS + axis] > INT32_MAX - 2 * MOST_PADDING) {
            eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "reaches too far around its input");
            return -1;
        }
        p.before[axis] = (int32_t)before;
        p.out[FIRST_AXIS + axis] += (int32_t)(before + after);
        needed = needed || before + after > 0;
    }
    memcpy(d->in, p.out, sizeof d->in);
    memcpy(d->before, p.before, sizeof d->before);
    if (!needed) {
        return product->in_tensor;
    }
    const int32_t tensor = eq_plan_temporary(plan, EQ_FLOAT32, RANK, p.out);
    eq_step *step = tensor < 0 ? NULL : eq_plan_step(plan, op, run_pad, sizeof p, 1, 1);
    if (!step) {
        return -1;
    }
    memcpy(step->data, &p, sizeof p);
    step->inputs[0].tensor = product->in_tensor;
    step->outputs[0].tensor = tensor;
    step->units = p.out[BATCH] * p.out[FIRST_AXIS];
    step->cost = (uint64_t)eq_tensor_elements(&plan->tensors[tensor].tensor);
    return tensor;
}

/* ---- packing ---- */

typedef struct packing {
    const eq_product_3d *product;
    const layer *layer;
    int32_t columns, channels, height, width; /* of the weights; their depth is not needed */
    const float *weights, *bias;
    float *scratch;
} packing;

static void gather(const packing *p, const eq_part_3d *part, float *out) {
    const eq_axis_3d *z = &part->axes[0], *y = &part->axes[1], *x = &part->axes[2];
    const ptrdiff_t tap = (ptrdiff_t)p->columns * p->channels;
    for (int32_t n = 0; n < p->columns; ++n) {
        for (int32_t i = 0; i < z->taps; ++i) {
            for (int32_t j = 0; j < y->taps; ++j) {
                for (int32_t k = 0; k < x->taps; ++k) {
                    const ptrdiff_t plane = z->tap + (ptrdiff_t)i * z->weight_step;
                    const ptrdiff_t row = plane * p->height + y->tap + (ptrdiff_t)j * y->weight_step;
                    const float *from = p->weights + (row * p->width + x->tap + (ptrdiff_t)k * x->weight_step) * tap +
                                        n * p->product->column_stride;
                    for (int32_t c = 0; c < p->channels; ++c) {
                        *out++ = from[c * p->product->channel_stride];
                    }
                }
            }
        }
    }
}

static eq_gemm_f32_weights weights_of(const packing *p, const run_part *part) {
    return (eq_gemm_f32_weights){p->columns, part->segments, p->channels, p->scratch, p->bias, false};
}

static void pack(const void *arguments, void *packed) {
    const packing *p = arguments;
    for (int32_t i = 0; i < p->layer->part_count; ++i) {
        const run_part *part = &p->layer->parts[i];
        gather(p, &part->part, p->scratch);
        const eq_gemm_f32_weights weights = weights_of(p, part);
        p->layer->kernel->pack(&weights, (uint8_t *)packed + part->packed);
    }
}

/* Weights that are computed are packed by a step. */
static void run_pack(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last;
    packing p = *(const packing *)step->data;
    const eq_storage *to = &storage[step->outputs[0].tensor];
    p.weights = storage[step->inputs[0].tensor].data;
    p.bias = step->input_count > 1 ? storage[step->inputs[1].tensor].data : NULL;
    p.scratch = scratch;
    const run_part *last_part = &p.layer->parts[p.layer->part_count - 1];
    const eq_gemm_f32_weights weights = weights_of(&p, last_part);
    memset(to->data, 0, last_part->packed + p.layer->kernel->packed_bytes(&weights));
    pack(&p, to->data);
}

static size_t most_gathered(const packing *p) {
    size_t most = 1;
    for (int32_t i = 0; i < p->layer->part_count; ++i) {
        const size_t values = (size_t)p->layer->parts[i].segments * (size_t)p->channels * (size_t)p->columns;
        most = values > most ? values : most;
    }
    return most * sizeof(float);
}

static const void *pack_once(eq_plan *plan, const eq_operator *op, packing *p, size_t bytes) {
    eq_memory_block *memory = NULL;
    const void *packed = NULL;
    p->scratch = eq_memory_take(&memory, most_gathered(p));
    if (p->scratch) {
        packed = eq_plan_packed(plan, op, bytes, pack, p);
    } else {
        eq_plan_fail(plan, op, EQ_ERROR_MEMORY, "no memory to pack the weights");
    }
    eq_memory_free(&memory);
    return packed;
}

static int32_t pack_each_run(eq_plan *plan, const eq_operator *op, const packing *p, size_t bytes) {
    const eq_product_3d *product = p->product;
    const int32_t tensor = eq_plan_temporary(plan, EQ_FLOAT32, 1, (int32_t[]){(int32_t)(bytes / sizeof(float))});
    eq_product_3d *kept = tensor < 0 ? NULL : eq_plan_take(plan, sizeof *kept); /* the caller's goes when the plan is made */
    eq_step *step = kept ? eq_plan_step(plan, op, run_pack, sizeof *p, product->bias < 0 ? 1 : 2, 1) : NULL;
    if (!step) {
        return -1;
    }
    *kept = *product;
    memcpy(step->data, p, sizeof *p);
    ((packing *)step->data)->product = kept;
    step->inputs[0].tensor = product->weights;
    if (product->bias >= 0) {
        step->inputs[1].tensor = product->bias;
    }
    step->outputs[0].tensor = tensor;
    step->scratch = most_gathered(p);
    step->cost = bytes / sizeof(float);
    return tensor;
}

/* ---- running ---- */

static void find_segments(const layer *d, const eq_part_3d *part, ptrdiff_t *offsets) {
    const eq_axis_3d *z = &part->axes[0], *y = &part->axes[1], *x = &part->axes[2];
    const ptrdiff_t pixel = d->in[CHANNELS] * (ptrdiff_t)sizeof(float), row = d->in[3] * pixel, plane = d->in[2] * row;
    for (int32_t i = 0; i < z->taps; ++i) {
        for (int32_t j = 0; j < y->taps; ++j) {
            for (int32_t k = 0; k < x->taps; ++k) {
                *offsets++ = i * z->tap_step * plane + j * y->tap_step * row + k * x->tap_step * pixel;
            }
        }
    }
}

/* The window and the place of a part's pixel. */
static void point(const layer *d, const eq_part_3d *part, int64_t pixel, const float *in, float *out, const void **window,
                  void **place) {
    ptrdiff_t from = 0, to = 0, at[EQ_AXES_3D];
    for (int32_t axis = EQ_AXES_3D - 1; axis >= 0; --axis) {
        at[axis] = (ptrdiff_t)(pixel % part->axes[axis].count);
        pixel /= part->axes[axis].count;
    }
    from = to = (ptrdiff_t)pixel; /* the volume */
    for (int32_t axis = 0; axis < EQ_AXES_3D; ++axis) {
        const eq_axis_3d *a = &part->axes[axis];
        from = from * d->in[FIRST_AXIS + axis] + a->in + d->before[axis] + at[axis] * a->in_step;
        to = to * d->out[FIRST_AXIS + axis] + a->out + at[axis] * a->out_step;
    }
    *window = in + from * d->in[CHANNELS];
    *place = out + to * d->out[CHANNELS];
}

static void run_product(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const layer *d = step->data;
    const float *in = storage[step->inputs[0].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    const void *windows[ROWS];
    void *places[ROWS];
    const uint8_t *packed = d->packed ? d->packed : storage[step->inputs[1].tensor].data;
    for (int32_t i = 0; i < d->part_count; ++i) {
        const run_part *p = &d->parts[i];
        const int32_t units = (int32_t)((p->pixels + ROWS - 1) / ROWS);
        int32_t unit = first > p->first_unit ? first - p->first_unit : 0;
        const int32_t end = last - p->first_unit < units ? last - p->first_unit : units;
        if (unit >= end) {
            continue;
        }
        find_segments(d, &p->part, scratch);
        const eq_gemm_f32 gemm = {packed + p->packed, d->out[CHANNELS], p->segments, d->in[CHANNELS], scratch, d->min, d->max};
        for (; unit < end; ++unit) {
            const int64_t pixel = (int64_t)unit * ROWS, left = p->pixels - pixel;
            const int32_t count = left < ROWS ? (int32_t)left : ROWS;
            for (int32_t r = 0; r < count; ++r) {
                point(d, &p->part, pixel + r, in, out, &windows[r], &places[r]);
            }
            d->kernel->run(&gemm, windows, places, count, 0, d->out[CHANNELS]);
        }
    }
}

/* ---- planning ---- */

eq_status eq_options_3d_read(eq_plan *plan, const eq_operator *op, eq_options_3d *options) {
    const int32_t padding = eq_option_byte(op, PADDING, 0);
    if (padding != 0 && padding != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "padding %d does not exist", (int)padding);
    }
    options->same = padding == 0;
    for (int32_t axis = 0; axis < EQ_AXES_3D; ++axis) {
        static const int32_t order[EQ_AXES_3D] = {0, 2, 1}; /* the file has depth, width, height */
        options->stride[axis] = eq_option_int(op, STRIDES + order[axis], 0);
        options->dilation[axis] = eq_option_int(op, DILATIONS + order[axis], 1);
        if (options->stride[axis] < 1 || options->dilation[axis] < 1) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "strides and dilations must be 1 or more");
        }
    }
    return eq_activation_range_float(plan, op, eq_option_byte(op, ACTIVATION, 0), &options->min, &options->max);
}

static bool is_constant(const eq_plan *plan, int32_t tensor) {
    return tensor < 0 || (plan->tensors[tensor].tensor.data && !plan->tensors[tensor].tensor.is_variable);
}

/* Where the parts' weights go, and which units are theirs; fails if something is too large. */
static eq_status place_parts(eq_plan *plan, const eq_operator *op, const eq_product_3d *product, packing *p, layer *d,
                             size_t *bytes) {
    int64_t units = 0;
    *bytes = 0;
    for (int32_t i = 0; i < product->part_count; ++i) {
        const eq_axis_3d *a = product->parts[i].axes;
        run_part *part = &d->parts[i];
        const int64_t segments = (int64_t)a[0].taps * a[1].taps * a[2].taps; /* no more than the weights have */
        part->part = product->parts[i];
        part->segments = (int32_t)segments;
        part->pixels = (int64_t)d->in[BATCH] * a[0].count * a[1].count * a[2].count; /* no more than the output has */
        part->first_unit = (int32_t)units;
        part->packed = *bytes;
        const eq_gemm_f32_weights weights = weights_of(p, part);
        *bytes += (d->kernel->packed_bytes(&weights) + 63) & ~(size_t)63;
        units += (part->pixels + ROWS - 1) / ROWS;
        if (units > INT32_MAX || *bytes / sizeof(float) > INT32_MAX) {
            return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the layer is too large");
        }
    }
    return EQ_OK;
}

eq_status eq_product_3d_plan(eq_plan *plan, const eq_operator *op, const eq_product_3d *product) {
    const eq_tensor *weights = &plan->tensors[product->weights].tensor, *out = &plan->tensors[product->out_tensor].tensor;
    const eq_tensor *bias = product->bias < 0 ? NULL : &plan->tensors[product->bias].tensor;
    const size_t data_bytes = sizeof(layer) + eq_size_times((size_t)product->part_count, sizeof(run_part));
    if (weights->type != EQ_FLOAT32 || out->type != EQ_FLOAT32 || (bias && bias->type != EQ_FLOAT32)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes float32 weights and bias, and gives float32");
    }
    if (bias && eq_tensor_elements(bias) != out->dims[CHANNELS]) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the bias has %lld values for %d output channels",
                            (long long)eq_tensor_elements(bias), (int)out->dims[CHANNELS]);
    }
    layer *d = eq_plan_take(plan, data_bytes);
    if (!d) {
        return (eq_status)plan->error->status;
    }
    d->kernel = &plan->kernels->gemm_f32;
    d->min = product->min;
    d->max = product->max;
    d->part_count = product->part_count;
    memcpy(d->out, out->dims, sizeof d->out);
    const int32_t in_tensor = pad_input(plan, op, product, d);
    if (in_tensor < 0) {
        return (eq_status)plan->error->status;
    }
    packing p = {product,
                 d,
                 out->dims[CHANNELS],
                 d->in[CHANNELS],
                 weights->dims[1],
                 weights->dims[2],
                 weights->data,
                 bias ? bias->data : NULL,
                 NULL};
    size_t bytes;
    const eq_status status = place_parts(plan, op, product, &p, d, &bytes);
    if (status != EQ_OK) {
        return status;
    }
    const bool constant = is_constant(plan, product->weights) && is_constant(plan, product->bias);
    d->packed = constant ? pack_once(plan, op, &p, bytes) : NULL;
    const int32_t packed = constant ? -1 : pack_each_run(plan, op, &p, bytes);
    eq_step *step = d->packed || packed >= 0 ? eq_plan_step(plan, op, run_product, data_bytes, constant ? 1 : 2, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    memcpy(step->data, d, data_bytes);
    step->inputs[0].tensor = in_tensor;
    if (!constant) {
        step->inputs[1].tensor = packed;
    }
    step->outputs[0].tensor = product->out_tensor;
    for (int32_t i = 0; i < d->part_count; ++i) {
        const run_part *part = &d->parts[i];
        const size_t offsets = ((size_t)part->segments + 1) * sizeof(ptrdiff_t);
        step->scratch = offsets > step->scratch ? offsets : step->scratch;
        step->units = part->first_unit + (int32_t)((part->pixels + ROWS - 1) / ROWS);
        step->macs += (uint64_t)part->pixels * (uint64_t)part->segments * (uint64_t)d->in[CHANNELS] * (uint64_t)p.columns;
    }
    step->cost = step->macs;
    step->slow = true;
    return EQ_OK;
}
