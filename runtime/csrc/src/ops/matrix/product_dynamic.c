#include "product_dynamic.h"

#include <string.h>

#include "base/memory.h"
#include "places.h"

enum {
    HEADER = 64,              /* bytes before the parts: how many there are */
    BLOCK = 64,               /* columns of a chunk are a multiple of this */
    PIXELS = 24,              /* of a unit: whole tiles of any kernel */
    MOST_PIXELS = 8 * PIXELS, /* of units that are done together */
    LEAST_UNITS = 16,
};

typedef struct step_data {
    eq_product_dynamic product;
    const eq_gemm_dynamic_kernel *kernel;
    eq_gemm_dynamic gemm; /* what is the same for all parts */
    const uint8_t *packed;
    size_t part_bytes;
    ptrdiff_t in_row, in_image;    /* bytes */
    ptrdiff_t in_first;            /* of the first window, where the halo is wider than it reaches */
    int32_t blocks, chunk, chunks; /* of a part: blocks of pixels, columns of a chunk, chunks */
} step_data;

/* ---- running ---- */

typedef struct pixel_rows {
    const int8_t *in[MOST_PIXELS + EQ_SPARE_PLACES];
    float *out[MOST_PIXELS + EQ_SPARE_PLACES];
    const eq_dynamic_scale *scales;          /* of each pixel: the input's own, or */
    eq_dynamic_scale of_images[MOST_PIXELS]; /* those of the images that the pixels are in, */
    int32_t image, count;                    /* the one that all these are of, or -1, and how many they are */
} pixel_rows;

static int32_t least(int32_t a, int32_t b) {
    return a < b ? a : b;
}

/* Most pixels are in the same image as those before. */
static void repeat_scales(const eq_window *w, const eq_dynamic_scale *scales, int32_t pixel, int32_t count, pixel_rows *rows) {
    const int32_t size = w->out_height * w->out_width, first = pixel / size, last = (pixel + count - 1) / size;
    rows->scales = rows->of_images;
    if (first != last || first != rows->image || count > rows->count) {
        eq_dynamic_scale scale = scales[first];
        for (int32_t i = 0; i < count; ++i) {
            if (first != last) {
                scale = scales[(pixel + i) / size];
            }
            rows->of_images[i] = scale;
        }
        rows->image = first == last ? first : -1;
        rows->count = count;
    }
}

/* Point at the windows of `count` pixels from `pixel` on, line by line. */
static void point_at_windows(const step_data *d, const int8_t *in, int32_t pixel, int32_t count, const int8_t **to) {
    const eq_window *w = &d->product.window;
    const ptrdiff_t step_x = (ptrdiff_t)w->stride_x * d->product.in_channels, step_y = w->stride_y * d->in_row;
    const int32_t line = pixel / w->out_width;
    int32_t x = pixel % w->out_width, y = line % w->out_height;
    in += line / w->out_height * d->in_image;
    for (int32_t n; count > 0; count -= n, to += n, x = 0) {
        n = least(count, w->out_width - x);
        eq_write_places(to, in + y * step_y + x * step_x, step_x, n);
        if (++y == w->out_height) {
            y = 0;
            in += d->in_image;
        }
    }
}

/* Find `count` pixels from `pixel` on. */
static void point(const step_data *d, const eq_dynamic_part *part, const int8_t *in, const eq_dynamic_scale *scales, float *out,
                  int32_t pixel, int32_t count, pixel_rows *rows) {
    const eq_product_dynamic *p = &d->product;
    const ptrdiff_t columns = p->out_channels;
    in += part->in_channel;
    eq_write_places(rows->out, out + pixel * columns + part->first_column, columns * (ptrdiff_t)sizeof *out, count);
    if (p->scale_for_pixels) { /* whose windows they are */
        rows->scales = scales + pixel;
        eq_write_places(rows->in, in + (ptrdiff_t)pixel * p->in_channels, p->in_channels, count);
    } else {
        repeat_scales(&p->window, scales, pixel, count, rows);
        point_at_windows(d, in, pixel, count, rows->in);
    }
}

static void find_segments(const step_data *d, ptrdiff_t *offsets) {
    const eq_window *w = &d->product.window;
    const int32_t taps_x = d->gemm.segments / w->height; /* 1: a row of the window is a segment */
    for (int32_t s = 0; s < d->gemm.segments; ++s) {
        const int32_t y = s / taps_x, x = s % taps_x;
        offsets[s] = (ptrdiff_t)y * w->dilation_y * d->in_row + (ptrdiff_t)x * w->dilation_x * d->product.in_channels;
    }
}

/* Units: of each part the chunks of columns, each for all blocks of pixels. Blocks that follow each other are done together. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const int8_t *in = (const int8_t *)storage[step->inputs[0].tensor].data + d->in_first;
    const eq_dynamic_scale *scales = storage[step->inputs[1].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    eq_gemm_dynamic gemm = d->gemm;
    pixel_rows rows;
    rows.image = -1;
    gemm.segment_offsets = scratch;
    find_segments(d, scratch);
    for (int32_t unit = first, blocks; unit < last; unit += blocks) {
        const int32_t block = unit % d->blocks, chunk = unit / d->blocks % d->chunks, index = unit / d->blocks / d->chunks;
        const eq_dynamic_part *part = &d->product.parts[index];
        blocks = least(least(d->blocks - block, last - unit), MOST_PIXELS / PIXELS);
        const int32_t pixel = block * PIXELS, count = least(part->pixels - pixel, blocks * PIXELS);
        point(d, part, in, scales, out, part->first_pixel + pixel, count, &rows);
        gemm.packed = d->packed + (size_t)index * d->part_bytes;
        for (int32_t r = 0; r < count; r += d->kernel->rows) {
            d->kernel->run(&gemm, rows.in + r, rows.scales + r, rows.out + r, least(count - r, d->kernel->rows),
                           chunk * d->chunk, least((chunk + 1) * d->chunk, gemm.columns));
        }
    }
}

/* ---- packing ---- */

typedef struct packer {
    const step_data *layer;
    int8_t *weights; /* room for a part's */
    float *scales;
} packer;

static void pack_part(const packer *packer, const eq_dynamic_part *part, void *packed) {
    const step_data *d = packer->layer;
    const eq_product_dynamic *p = &d->product;
    const int8_t *from = (const int8_t *)p->weights->data + part->first_weight;
    const int32_t depth = d->gemm.segments * d->gemm.segment_bytes;
    for (int32_t n = 0; n < p->columns; ++n) {
        packer->scales[n] = p->weights->scales[p->weights->scale_count == 1 ? 0 : part->first_column + n];
        for (int32_t k = 0; packer->weights && k < depth; ++k) {
            packer->weights[(ptrdiff_t)n * depth + k] = from[n * p->column_stride + k * p->weight_stride];
        }
    }
    const float *bias = p->bias ? (const float *)p->bias->data + part->first_column : NULL;
    const eq_gemm_dynamic_weights weights = {
        p->columns, d->gemm.segments, d->gemm.segment_bytes, packer->weights ? packer->weights : from, packer->scales, bias};
    d->kernel->pack(&weights, packed);
}

static void pack(const void *arguments, void *packed) {
    const packer *packer = arguments;
    const step_data *d = packer->layer;
    *(int32_t *)packed = d->product.part_count;
    for (int32_t i = 0; i < d->product.part_count; ++i) {
        pack_part(packer, &d->product.parts[i], (uint8_t *)packed + HEADER + (size_t)i * d->part_bytes);
    }
}

/* The parts, packed; NULL with the error written. Sessions of other shapes may divide the same weights otherwise. */
static const uint8_t *pack_once(eq_plan *plan, const eq_operator *op, const step_data *d) {
    const eq_product_dynamic *p = &d->product;
    const size_t depth = (size_t)d->gemm.segments * (size_t)d->gemm.segment_bytes;
    const bool direct = p->weight_stride == 1 && p->column_stride == (ptrdiff_t)depth;
    eq_memory_block *memory = NULL;
    const packer packer = {.layer = d,
                           .weights = direct ? NULL : eq_memory_take(&memory, depth * (size_t)p->columns),
                           .scales = eq_memory_take(&memory, (size_t)p->columns * sizeof(float))};
    const void *packed = NULL;
    if (packer.scales && (direct || packer.weights)) {
        packed = eq_plan_packed(plan, op, HEADER + (size_t)p->part_count * d->part_bytes, pack, &packer);
    } else {
        eq_plan_fail(plan, op, EQ_ERROR_MEMORY, "no memory to pack the weights");
    }
    eq_memory_free(&memory);
    if (packed && *(const int32_t *)packed != p->part_count) {
        packed = NULL;
        eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs its weights in another form than the model's first session");
    }
    return packed ? (const uint8_t *)packed + HEADER : NULL;
}

/* ---- planning ---- */

/* Sizes; false if they are too large. */
static bool measure(step_data *d) {
    enum { PADDING = 64 };
    const eq_product_dynamic *p = &d->product;
    const eq_window *w = &p->window;
    const int64_t depth = (int64_t)w->height * w->width * p->channels;
    if (depth > INT32_MAX / 2 || p->columns > INT32_MAX - BLOCK ||
        (uint64_t)(depth + PADDING) * (uint64_t)w->height >
            (uint64_t)PTRDIFF_MAX / PADDING / ((uint64_t)p->columns + PADDING)) {
        return false;
    }
    const bool adjacent = w->dilation_x == 1 && p->channels == p->in_channels;
    d->gemm = (eq_gemm_dynamic){.columns = p->columns,
                                .segments = w->height * (adjacent ? 1 : w->width),
                                .segment_bytes = p->channels * (adjacent ? w->width : 1),
                                .min = p->min,
                                .max = p->max};
    const eq_halo *halo = &p->input.halo;
    d->in_row = ((ptrdiff_t)halo->left + p->in_width + halo->right) * p->in_channels;
    d->in_image = ((ptrdiff_t)halo->top + p->in_height + halo->bottom) * d->in_row;
    d->in_first = (halo->top - w->pad.top) * d->in_row + (ptrdiff_t)(halo->left - w->pad.left) * p->in_channels;
    const eq_gemm_dynamic_weights weights = {p->columns, d->gemm.segments, d->gemm.segment_bytes, NULL, NULL, NULL};
    d->part_bytes = (d->kernel->packed_bytes(&weights) + 63) & ~(size_t)63;
    return d->part_bytes <= ((size_t)PTRDIFF_MAX - HEADER) / (size_t)p->part_count;
}

/* Units and their sizes; false if there are too many. */
static bool divide(step_data *d, eq_step *step) {
    const eq_product_dynamic *p = &d->product;
    d->blocks = (p->parts[0].pixels + PIXELS - 1) / PIXELS;
    const int32_t wanted = d->blocks >= LEAST_UNITS ? 1 : least((p->columns + BLOCK - 1) / BLOCK, LEAST_UNITS);
    d->chunk = (int32_t)((((int64_t)p->columns + wanted - 1) / wanted + BLOCK - 1) / BLOCK * BLOCK);
    d->chunks = (p->columns + d->chunk - 1) / d->chunk;
    const int64_t units = (int64_t)p->part_count * d->blocks * d->chunks;
    step->units = (int32_t)units;
    return units <= INT32_MAX;
}

eq_status eq_product_dynamic_plan(eq_plan *plan, const eq_operator *op, const eq_product_dynamic *product) {
    step_data d = {.product = *product, .kernel = &plan->kernels->gemm_dynamic};
    if (!measure(&d)) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has more weights than the address space has room for");
    }
    d.packed = pack_once(plan, op, &d);
    eq_step *step = d.packed ? eq_plan_step(plan, op, run, sizeof d, 2, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    if (!divide(&d, step)) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the layer is too large");
    }
    *(step_data *)step->data = d;
    step->macs =
        (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) * (uint64_t)d.gemm.segments * (uint64_t)d.gemm.segment_bytes;
    step->cost = step->macs;
    step->floats = true;
    step->scratch = (size_t)d.gemm.segments * sizeof(ptrdiff_t);
    step->inputs[0].tensor = product->input.values;
    step->inputs[1].tensor = product->input.scales;
    step->outputs[0].tensor = product->out_tensor;
    return EQ_OK;
}
