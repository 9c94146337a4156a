/* Each output pixel's window is brought to a line of bytes, those outside the image being the zero point, and multiplied by the
 * kernel `dot`. Then, as XNNPACK's qd8 kernels do:
 *
 *     out = clamp(fused(float(sum - zero_point * sum of weights) * scale, weight_scale[n], bias[n])) */
#include "product_dynamic.h"

#include <string.h>

#include "arithmetic/arithmetic.h"
#include "arithmetic/fused.h"
#include "base/memory.h"

enum {
    HEADER = 64, /* bytes before the parts: how many there are */
    BLOCK = 64,  /* columns that are multiplied together */
    PIXELS = 16, /* of a unit */
    LEAST_UNITS = 16,
};

/* Packed: for each part, weights (padded columns, padded depth), then of each column sum, scale and bias. */
typedef struct column {
    int32_t sum;
    float scale, bias;
} column;

typedef struct step_data {
    eq_product_dynamic product;
    const eq_kernels *kernels;
    const int8_t *packed;
    size_t part_bytes;
    int32_t depth, padded_depth, padded_columns;
    int32_t blocks, chunk, chunks; /* of a part: blocks of pixels, columns of a chunk, chunks */
} step_data;

static int32_t padded(int64_t n, int32_t step) {
    return (int32_t)((n + step - 1) / step * step);
}

/* ---- running ---- */

/* One row of the window: `count` taps of the input's row at `row`, from pixel `x` on. */
static void take_row(const eq_product_dynamic *p, const int8_t *row, int32_t x, int8_t zero, int8_t *line) {
    const int32_t taps = p->window.width, step = p->window.dilation_x, channels = p->channels;
    if (step == 1 && channels == p->in_channels && x >= 0 && x + taps <= p->in_width) {
        memcpy(line, row + (ptrdiff_t)x * channels, (size_t)taps * (size_t)channels);
        return;
    }
    for (int32_t i = 0; i < taps; ++i, line += channels) {
        const int64_t at = x + (int64_t)i * step;
        if (at >= 0 && at < p->in_width) {
            memcpy(line, row + at * p->in_channels, (size_t)channels);
        } else {
            memset(line, zero, (size_t)channels);
        }
    }
}

/* The window of output pixel `pixel`. */
static void take_line(const step_data *d, const eq_dynamic_part *part, const int8_t *in, const eq_dynamic_scale *scale,
                      int32_t pixel, int8_t *line) {
    const eq_product_dynamic *p = &d->product;
    const eq_window *w = &p->window;
    const int32_t row = pixel / w->out_width, x = pixel % w->out_width, image = row / w->out_height, y = row % w->out_height;
    const ptrdiff_t line_bytes = (ptrdiff_t)p->in_width * p->in_channels;
    const int8_t *from = in + image * p->in_height * line_bytes + part->in_channel, zero = (int8_t)scale->zero_point;
    const size_t tap_bytes = (size_t)w->width * (size_t)p->channels;
    for (int32_t i = 0; i < w->height; ++i, line += tap_bytes) {
        const int64_t at = (int64_t)y * w->stride_y - w->pad.top + (int64_t)i * w->dilation_y;
        if (at >= 0 && at < p->in_height) {
            take_row(p, from + at * line_bytes, x * w->stride_x - w->pad.left, zero, line);
        } else {
            memset(line, zero, tap_bytes);
        }
    }
}

static void finish(const step_data *d, const column *columns, const eq_dynamic_scale *scale, const int32_t *sums, int32_t count,
                   float *out) {
    for (int32_t n = 0; n < count; ++n) {
        const int32_t sum = eq_add_wrapping(sums[n], eq_multiply_wrapping(-scale->zero_point, columns[n].sum));
        float x = eq_fused((float)sum * scale->scale, columns[n].scale, columns[n].bias);
        x = x < d->product.min ? d->product.min : x;
        out[n] = x > d->product.max ? d->product.max : x;
    }
}

static int32_t least(int32_t a, int32_t b) {
    return a < b ? a : b;
}

/* Units: of each part the chunks of columns, each for all blocks of pixels. */
static void run_unit(const step_data *d, const int8_t *in, const eq_dynamic_scale *scales, float *out, int32_t unit,
                     int8_t *lines) {
    const int32_t block = unit % d->blocks, chunk = unit / d->blocks % d->chunks, index = unit / d->blocks / d->chunks;
    const eq_dynamic_part *part = &d->product.parts[index];
    const int8_t *weights = d->packed + (size_t)index * d->part_bytes;
    const column *columns = (const column *)(const void *)(weights + (size_t)d->padded_columns * (size_t)d->padded_depth);
    const int32_t first = block * PIXELS, count = least(part->pixels - first, PIXELS);
    const int32_t end = least((chunk + 1) * d->chunk, d->product.columns),
                  image = d->product.window.out_height * d->product.window.out_width;
    const eq_dynamic_scale *of[PIXELS];
    for (int32_t i = 0; i < count; ++i) {
        const int32_t pixel = part->first_pixel + first + i;
        of[i] = &scales[d->product.scale_for_pixels ? pixel : pixel / image];
        take_line(d, part, in, of[i], pixel, lines + (ptrdiff_t)i * d->padded_depth);
    }
    for (int32_t n = chunk * d->chunk; n < end; n += BLOCK) {
        const int32_t some = least(end - n, BLOCK);
        for (int32_t i = 0; i < count; ++i) {
            int32_t sums[BLOCK];
            const int32_t pixel = part->first_pixel + first + i;
            d->kernels->dot(lines + (ptrdiff_t)i * d->padded_depth, weights + (ptrdiff_t)n * d->padded_depth, d->padded_depth,
                            padded(some, EQ_DOT_COLUMNS), sums);
            finish(d, columns + n, of[i], sums, some,
                   out + (ptrdiff_t)pixel * d->product.out_channels + part->first_column + n);
        }
    }
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    memset(scratch, 0, (size_t)d->padded_depth * PIXELS); /* what pads a line meets zeros, but must be there */
    for (int32_t unit = first; unit < last; ++unit) {
        run_unit(d, storage[step->inputs[0].tensor].data, storage[step->inputs[1].tensor].data,
                 storage[step->outputs[0].tensor].data, unit, scratch);
    }
}

/* ---- planning ---- */

static void pack_part(const step_data *d, const eq_dynamic_part *part, int8_t *packed) {
    const eq_product_dynamic *p = &d->product;
    const float *bias = p->bias ? p->bias->data : NULL;
    column *columns = (column *)(void *)(packed + (size_t)d->padded_columns * (size_t)d->padded_depth);
    for (int32_t n = 0; n < p->columns; ++n) {
        const int8_t *from = (const int8_t *)p->weights->data + part->first_weight + n * p->column_stride;
        const int32_t all = part->first_column + n, which = p->weights->scale_count == 1 ? 0 : all;
        columns[n] = (column){.scale = p->weights->scales[which], .bias = bias ? bias[all] : 0.0f};
        for (int32_t k = 0; k < d->depth; ++k) {
            packed[(ptrdiff_t)n * d->padded_depth + k] = from[k * p->weight_stride];
            columns[n].sum = eq_add_wrapping(columns[n].sum, from[k * p->weight_stride]);
        }
    }
}

static void pack(const void *arguments, void *packed) {
    const step_data *d = arguments;
    *(int32_t *)packed = d->product.part_count;
    for (int32_t i = 0; i < d->product.part_count; ++i) {
        pack_part(d, &d->product.parts[i], (int8_t *)packed + HEADER + (size_t)i * d->part_bytes);
    }
}

/* Sizes; false if they are too large. */
static bool measure(step_data *d) {
    const eq_product_dynamic *p = &d->product;
    const int64_t depth = (int64_t)p->window.height * p->window.width * p->channels;
    if (depth > INT32_MAX / PIXELS - EQ_DOT_DEPTH || p->columns > INT32_MAX - BLOCK) {
        return false;
    }
    d->depth = (int32_t)depth;
    d->padded_depth = padded(depth, EQ_DOT_DEPTH);
    d->padded_columns = padded(p->columns, EQ_DOT_COLUMNS);
    const uint64_t weights = (uint64_t)d->padded_columns * (uint64_t)d->padded_depth;
    const uint64_t bytes = (weights + (uint64_t)p->columns * sizeof(column) + 63) & ~(uint64_t)63;
    d->part_bytes = (size_t)bytes;
    return bytes <= ((uint64_t)PTRDIFF_MAX - HEADER) / (uint64_t)p->part_count;
}

/* The parts, packed; NULL with the error written. Sessions of other shapes may divide the same weights otherwise. */
static const int8_t *pack_once(eq_plan *plan, const eq_operator *op, const step_data *d) {
    const int32_t count = d->product.part_count;
    const int8_t *packed = eq_plan_packed(plan, op, HEADER + (size_t)count * d->part_bytes, pack, d);
    if (packed && *(const int32_t *)(const void *)packed != count) {
        packed = NULL;
        eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs its weights in another form than the model's first session");
    }
    return packed ? packed + HEADER : NULL;
}

eq_status eq_product_dynamic_plan(eq_plan *plan, const eq_operator *op, const eq_product_dynamic *product) {
    step_data d = {.product = *product, .kernels = plan->kernels};
    if (!measure(&d)) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has more weights than the address space has room for");
    }
    d.packed = pack_once(plan, op, &d);
    eq_step *step = d.packed ? eq_plan_step(plan, op, run, sizeof d, 2, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    d.blocks = (product->parts[0].pixels + PIXELS - 1) / PIXELS;
    d.chunks = d.blocks >= LEAST_UNITS ? 1 : least((product->columns + BLOCK - 1) / BLOCK, LEAST_UNITS);
    d.chunk = padded((product->columns + d.chunks - 1) / d.chunks, BLOCK);
    d.chunks = (product->columns + d.chunk - 1) / d.chunk;
    const int64_t units = (int64_t)product->part_count * d.blocks * d.chunks;
    if (units > INT32_MAX) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the layer is too large");
    }
    *(step_data *)step->data = d;
    step->units = (int32_t)units;
    step->macs = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) * (uint64_t)d.depth;
    step->cost = step->macs;
    step->slow = true;
    step->scratch = (size_t)d.padded_depth * PIXELS;
    step->inputs[0].tensor = product->input.values;
    step->inputs[1].tensor = product->input.scales;
    step->outputs[0].tensor = product->out_tensor;
    return EQ_OK;
}
