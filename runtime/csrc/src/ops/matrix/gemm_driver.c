#include "gemm_driver.h"

#include <string.h>

#include "gemm_pack.h"
#include "places.h"

enum {
    CHUNK_BYTES = 128 * 1024, /* of weights that stay in a cache while many pixels pass */
    LEAST_UNITS = 16,         /* so that threads can share */
    LEAST_UNIT_MACS = 64 * 1024,
    KERNEL_ROWS = 24,                      /* whole tiles of any kernel: of 1, 2, 3, 4, 8 or 12 rows */
    LEAST_SHARED_PIXELS = 8 * KERNEL_ROWS, /* fewer make too few units to share evenly: columns are shared then */
    MOST_TILE = 72,                        /* pixels of a unit; a call of a kernel may be several */
};

typedef struct run_part {
    const void *packed;
    int32_t columns, segments, segment_bytes;
    bool small;
    int32_t shift;
    int32_t height, width; /* output pixels */
    int64_t pixels;        /* of all images */
    int32_t chunk;         /* columns that are done for all pixels before the next */
    bool joined;           /* adjacent chunks may be done as one */
    int32_t tile;          /* pixels of a unit */
    int32_t tiles, first_unit;
    int32_t in_y, in_x, in_byte, out_y, out_x, out_byte;
    int32_t taps_y, taps_x, terms; /* segments = terms * taps_y * taps_x */
} run_part;

typedef struct layer_data {
    const eq_gemm_kernel *kernel;
    eq_gemm gemm; /* what is the same for all parts */
    eq_gemm_geometry geometry;
    int32_t part_count;
    run_part parts[];
} layer_data;

/* ---- running ---- */

/* Walks over the output pixels of a part in order: the window and place of the next one, and the steps between them. */
typedef struct cursor {
    const int8_t *in, *in_line, *in_image;
    int8_t *out, *out_line, *out_image;
    ptrdiff_t in_pixel, in_row, in_next_image, out_pixel, out_row, out_next_image;
    int32_t left, lines_left; /* in this line, in this image */
    int32_t width, height;
} cursor;

static void place(cursor *c, int64_t pixel) {
    if (pixel == 0) {
        return;
    }
    const int64_t line = pixel / c->width, image = line / c->height;
    const int32_t x = (int32_t)(pixel % c->width), y = (int32_t)(line % c->height);
    c->in_image += image * c->in_next_image;
    c->out_image += image * c->out_next_image;
    c->in_line = c->in_image + y * c->in_row;
    c->out_line = c->out_image + y * c->out_row;
    c->in = c->in_line + x * c->in_pixel;
    c->out = c->out_line + x * c->out_pixel;
    c->left = c->width - x;
    c->lines_left = c->height - y;
}

static void next_line(cursor *c) {
    if (--c->lines_left == 0) {
        c->lines_left = c->height;
        c->in_line = c->in_image += c->in_next_image;
        c->out_line = c->out_image += c->out_next_image;
    } else {
        c->in_line += c->in_row;
        c->out_line += c->out_row;
    }
    c->in = c->in_line;
    c->out = c->out_line;
    c->left = c->width;
}

/* Write the pointers of the next `n` pixels of this line, and up to seven more: this is what a tile costs besides its products. */
static inline void point(const int8_t **in, int8_t **out, cursor *c, int32_t n) {
    c->left -= n;
    eq_write_places(in, c->in, c->in_pixel, n);
    eq_write_places(out, c->out, c->out_pixel, n);
    c->in += n * c->in_pixel;
    c->out += n * c->out_pixel;
}

/* Write the pointers of the next `rows` pixels. */
static inline void take(cursor *c, const int8_t **in, int8_t **out, int32_t rows) {
    while (rows > c->left) {
        const int32_t n = c->left;
        point(in, out, c, n);
        in += n;
        out += n;
        rows -= n;
        next_line(c);
    }
    point(in, out, c, rows);
}

/* Lines and images that follow each other at the distance of a pixel are one long line: dense tensors and small windows. */
static void join_lines(cursor *c, int64_t pixels) {
    const ptrdiff_t in_line = c->in_pixel * c->width, out_line = c->out_pixel * c->width;
    const bool joined = (c->height == 1 || (c->in_row == in_line && c->out_row == out_line)) &&
                        (pixels == (int64_t)c->height * c->width ||
                         (c->in_next_image == in_line * c->height && c->out_next_image == out_line * c->height));
    if (joined) {
        c->width = (int32_t)pixels;
        c->height = 1;
    }
}

static cursor start(const eq_gemm_geometry *g, const run_part *p, const eq_storage *in, const eq_storage *out) {
    cursor c = {
        .in_pixel = (ptrdiff_t)g->stride_x * g->in_channels,
        .in_row = g->stride_y * in->row_stride,
        .in_next_image = in->image_stride,
        .out_pixel = (ptrdiff_t)g->out_step_x * g->out_channels,
        .out_row = g->out_step_y * out->row_stride,
        .out_next_image = out->image_stride,
        .width = p->width,
        .height = p->height,
    };
    c.in = (const int8_t *)in->data + p->in_y * in->row_stride + (ptrdiff_t)p->in_x * g->in_channels + p->in_byte;
    c.out = (int8_t *)out->data + p->out_y * out->row_stride + (ptrdiff_t)p->out_x * g->out_channels + p->out_byte;
    join_lines(&c, p->pixels);
    c.in_line = c.in_image = c.in;
    c.out_line = c.out_image = c.out;
    c.left = c.width;
    c.lines_left = c.height;
    return c;
}

/* The least distance of neighbouring windows: of pixels, or from the last of a line or of an image to the next. */
static ptrdiff_t least_step(const cursor *c, int64_t pixels) {
    const ptrdiff_t last = (c->width - 1) * c->in_pixel, line = c->in_row - last,
                    image = c->in_next_image - (c->height - 1) * c->in_row - last;
    ptrdiff_t least = c->in_pixel;
    if (c->height > 1 && line < least) {
        least = line;
    }
    if (pixels > (int64_t)c->height * c->width && image < least) {
        least = image;
    }
    return least;
}

static void find_segments(const eq_gemm_geometry *g, const run_part *p, ptrdiff_t row_stride, ptrdiff_t *offsets) {
    const ptrdiff_t row = g->dilation_y * row_stride, column = (ptrdiff_t)g->dilation_x * g->in_channels;
    for (int32_t term = 0; term < p->terms; ++term) {
        for (int32_t y = 0; y < p->taps_y; ++y) {
            for (int32_t x = 0; x < p->taps_x; ++x) {
                *offsets++ = y * row + x * column;
            }
        }
    }
}

/* Units of a part: for each chunk of columns, its tiles. Chunks whose tiles are all asked for become one if a cache holds the
 * weights of all columns, or if no other tile uses them. */
static void run_units(const layer_data *d, const run_part *p, const cursor *origin, const eq_gemm *gemm, int32_t unit,
                      int32_t last, const int8_t **in, int8_t **out) {
    const int32_t rows = d->kernel->rows;
    while (unit < last) {
        const int32_t chunk = p->tiles == 1 ? unit : unit / p->tiles, tile = unit - chunk * p->tiles;
        const int32_t tiles = p->tiles - tile < last - unit ? p->tiles - tile : last - unit;
        const int32_t chunks = p->joined && tile == 0 && tiles == p->tiles ? (last - unit) / tiles : 1;
        const int32_t first_column = chunk * p->chunk, width = chunks * p->chunk;
        const int32_t last_column = p->columns - first_column < width ? p->columns : first_column + width;
        int64_t pixel = (int64_t)tile * p->tile, end = pixel + (int64_t)tiles * p->tile;
        cursor c = *origin;
        place(&c, pixel);
        end = end < p->pixels ? end : p->pixels;
        for (; pixel < end; pixel += rows) {
            const int32_t n = end - pixel < rows ? (int32_t)(end - pixel) : rows;
            take(&c, in, out, n);
            d->kernel->run(gemm, in, out, n, first_column, last_column);
        }
        unit += chunks * tiles;
    }
}

static eq_gemm gemm_of(const layer_data *d, const run_part *p, const ptrdiff_t *offsets) {
    eq_gemm gemm = d->gemm;
    gemm.packed = p->packed;
    gemm.columns = p->columns;
    gemm.segments = p->segments;
    gemm.segment_bytes = p->segment_bytes;
    gemm.small = p->small;
    gemm.shift = p->shift;
    gemm.segment_offsets = offsets;
    return gemm;
}

/* A layer of one output pixel and one part: to walk over pixels would take longer than its products. */
static void run_pixel(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const layer_data *d = step->data;
    const run_part *p = d->parts;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    const ptrdiff_t in_row = d->geometry.rows ? in->row_stride : (ptrdiff_t)d->geometry.in_width * d->geometry.in_channels;
    const int8_t *window =
        (const int8_t *)in->data + p->in_y * in_row + (ptrdiff_t)p->in_x * d->geometry.in_channels + p->in_byte;
    int8_t *place = (int8_t *)out->data + p->out_byte;
    find_segments(&d->geometry, p, in_row, scratch);
    const eq_gemm gemm = gemm_of(d, p, scratch);
    const int32_t end = last * p->chunk < p->columns ? last * p->chunk : p->columns;
    d->kernel->run(&gemm, &window, &place, 1, first * p->chunk, end);
}

static void run_layer(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const layer_data *d = step->data;
    eq_storage in = storage[step->inputs[0].tensor], out = storage[step->outputs[0].tensor];
    const int8_t **in_rows = scratch;
    int8_t **out_rows = (int8_t **)(in_rows + d->kernel->rows + EQ_SPARE_PLACES);
    ptrdiff_t *offsets = (ptrdiff_t *)(out_rows + d->kernel->rows + EQ_SPARE_PLACES);
    const eq_gemm_geometry *g = &d->geometry;
    if (!g->rows) {
        in.row_stride = (ptrdiff_t)g->in_width * g->in_channels;
        in.image_stride = g->in_height * in.row_stride;
        out.row_stride = (ptrdiff_t)g->out_width * g->out_channels;
        out.image_stride = g->out_height * out.row_stride;
    }
    for (int32_t i = 0; i < d->part_count; ++i) {
        const run_part *p = &d->parts[i];
        const int32_t units = p->tiles * ((p->columns + p->chunk - 1) / p->chunk);
        const int32_t from = first > p->first_unit ? first - p->first_unit : 0;
        const int32_t to = last - p->first_unit < units ? last - p->first_unit : units;
        if (from >= to) {
            continue;
        }
        eq_gemm gemm = gemm_of(d, p, offsets);
        find_segments(g, p, in.row_stride, offsets);
        const cursor origin = start(g, p, &in, &out);
        gemm.in_step = g->rows ? least_step(&origin, p->pixels) : 0;
        run_units(d, p, &origin, &gemm, from, to, in_rows, out_rows);
    }
}

/* ---- planning ---- */

eq_gemm_geometry eq_gemm_window_geometry(const eq_tensor *input, const eq_window *window, int32_t out_channels) {
    return (eq_gemm_geometry){
        .rows = true,
        .batch = input->dims[0],
        .in_height = input->dims[1],
        .in_width = input->dims[2],
        .in_channels = input->dims[3],
        .out_height = window->out_height,
        .out_width = window->out_width,
        .out_channels = out_channels,
        .stride_y = window->stride_y,
        .stride_x = window->stride_x,
        .dilation_y = window->dilation_y,
        .dilation_x = window->dilation_x,
        .out_step_y = 1,
        .out_step_x = 1,
    };
}

/* As many columns as a cache holds, and few enough that there are units for several threads. */
static int32_t chunk_columns(const run_part *p, const eq_gemm_kernel *kernel, int32_t rows) {
    const int64_t column_bytes = (int64_t)p->segments * p->segment_bytes;
    int64_t columns = CHUNK_BYTES / (column_bytes > 0 ? column_bytes : 1);
    if (p->tiles > 0 && p->tiles < LEAST_UNITS) {
        const int64_t shared = ((int64_t)p->columns * p->tiles + LEAST_UNITS - 1) / LEAST_UNITS;
        const int64_t worthwhile = LEAST_UNIT_MACS / (column_bytes * rows) + 1;
        const int64_t most = shared > worthwhile ? shared : worthwhile;
        columns = most < columns ? most : columns;
    }
    columns = (columns + kernel->columns - 1) / kernel->columns * kernel->columns;
    return columns < kernel->columns ? kernel->columns : columns < p->columns ? (int32_t)columns : p->columns;
}

static void plan_part(const eq_gemm_layer *layer, const eq_gemm_part *part, const eq_gemm_shape *shape,
                      const eq_gemm_kernel *kernel, run_part *p) {
    const int64_t pixels = (int64_t)layer->geometry.batch * part->height * part->width;
    *p = (run_part){
        .columns = part->weights.columns,
        .segments = shape->segments,
        .segment_bytes = shape->segment_bytes,
        .shift = part->shift,
        .height = part->height,
        .width = part->width,
        .pixels = pixels,
        .in_y = part->in_y,
        .in_x = part->in_x,
        .in_byte = part->in_channel,
        .out_y = part->out_y,
        .out_x = part->out_x,
        .out_byte = part->first_column,
        .taps_y = part->weights.height,
        .taps_x = shape->taps_x,
        .terms = shape->terms,
    };
    const bool is_small = (int64_t)p->columns * p->segments * p->segment_bytes <= CHUNK_BYTES;
    if (is_small && pixels >= LEAST_SHARED_PIXELS) {
        /* Threads share the image, so that each finds what it wrote itself in its cache, step after step. A share's units are joined to
         * whole calls of the kernel. */
        p->tile = KERNEL_ROWS;
        p->chunk = p->columns;
    } else {
        p->tile = kernel->rows < MOST_TILE ? kernel->rows : MOST_TILE;
    }
    p->tiles = (int32_t)((pixels + p->tile - 1) / p->tile);
    if (p->chunk == 0) {
        p->chunk = chunk_columns(p, kernel, pixels < p->tile ? (int32_t)pixels : p->tile);
    }
    p->joined = p->tiles == 1 || is_small;
    if (p->tiles == 1 && p->columns < LEAST_UNITS * p->chunk) { /* a unit more or less would make much of a thread's share */
        p->tile = KERNEL_ROWS;
        p->tiles = (int32_t)((pixels + p->tile - 1) / p->tile);
    }
}

static eq_status plan_parts(eq_plan *plan, const eq_operator *op, const eq_gemm_layer *layer, const uint8_t *packed,
                            eq_step *step, int32_t *most_segments) {
    const eq_gemm_kernel *kernel = &plan->kernels->gemm;
    layer_data *d = step->data;
    int64_t units = 0;
    for (int32_t i = 0; i < layer->part_count; ++i) {
        const eq_gemm_shape shape = eq_gemm_part_shape(layer, &layer->parts[i]);
        run_part *p = &d->parts[i];
        plan_part(layer, &layer->parts[i], &shape, kernel, p);
        p->small = eq_gemm_packed_part(packed, i, &p->packed);
        p->first_unit = (int32_t)units;
        units += (int64_t)p->tiles * ((p->columns + p->chunk - 1) / p->chunk);
        if (units > INT32_MAX) {
            return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the layer is too large");
        }
        const uint64_t macs = (uint64_t)p->pixels * (uint64_t)p->columns * (uint64_t)p->segments * (uint64_t)p->segment_bytes;
        step->macs += macs / (uint64_t)p->terms;
        step->cost += macs;
        *most_segments = p->segments > *most_segments ? p->segments : *most_segments;
    }
    step->units = (int32_t)units;
    return EQ_OK;
}

/* Kernels read past their input, and a constant of the file may end where the file does. If the step follows rows, the layout
 * pass copies it. */
static eq_status give_slack(eq_plan *plan, int32_t tensor) {
    const void *values = plan->tensors[tensor].tensor.data;
    if (!values) {
        return EQ_OK;
    }
    const size_t bytes = eq_plan_tensor_bytes(&plan->tensors[tensor]);
    uint8_t *memory = eq_plan_take(plan, bytes + 2 * EQ_SLACK);
    if (!memory) {
        return (eq_status)plan->error->status;
    }
    memcpy(memory + EQ_SLACK, values, bytes);
    eq_plan_constant(plan, tensor, memory + EQ_SLACK);
    return EQ_OK;
}

eq_status eq_gemm_layer_plan(eq_plan *plan, const eq_operator *op, const eq_gemm_layer *whole) {
    const eq_gemm_kernel *kernel = &plan->kernels->gemm;
    eq_gemm_layer divided = *whole;
    const eq_gemm_layer *layer = &divided;
    const void *packed = eq_gemm_divide(plan, &divided) == EQ_OK ? eq_gemm_pack_layer(plan, op, layer) : NULL;
    if (!packed) {
        return (eq_status)plan->error->status;
    }
    eq_step *step = eq_plan_step(plan, op, run_layer, sizeof(layer_data) + (size_t)layer->part_count * sizeof(run_part), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(layer_data *)step->data = (layer_data){
        .kernel = kernel,
        .gemm = {.zero_point = layer->quantized.out_zero_point, .min = layer->quantized.min, .max = layer->quantized.max},
        .geometry = layer->geometry,
        .part_count = layer->part_count,
    };
    int32_t segments = 0;
    eq_status status = plan_parts(plan, op, layer, packed, step, &segments);
    const run_part *only = ((const layer_data *)step->data)->parts;
    if (layer->part_count == 1 && only->pixels == 1 && only->out_y == 0 && only->out_x == 0) {
        step->run = run_pixel;
    }
    if (status == EQ_OK && !layer->geometry.rows) {
        status = give_slack(plan, layer->in_tensor);
    }
    step->scratch = 2 * ((size_t)kernel->rows + EQ_SPARE_PLACES) * sizeof(void *) + (size_t)segments * sizeof(ptrdiff_t);
    step->inputs[0] = (eq_use){.tensor = layer->in_tensor, .rows = layer->geometry.rows, .halo = layer->halo};
    step->outputs[0] = (eq_use){.tensor = layer->out_tensor, .rows = layer->geometry.rows};
    return status;
}

eq_gemm_geometry eq_gemm_row_geometry(int32_t rows, int32_t depth, int32_t columns) {
    return (eq_gemm_geometry){.batch = 1,
                              .in_height = 1,
                              .in_width = rows,
                              .in_channels = depth,
                              .out_height = 1,
                              .out_width = rows,
                              .out_channels = columns,
                              .stride_y = 1,
                              .stride_x = 1,
                              .dilation_y = 1,
                              .dilation_x = 1,
                              .out_step_y = 1,
                              .out_step_x = 1};
}
