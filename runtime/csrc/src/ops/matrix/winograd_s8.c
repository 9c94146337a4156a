#include "winograd_s8.h"

#include "base/memory.h"

enum {
    SIDE = 4,               /* of a tile of outputs */
    MOST_TILES = 8,         /* of a call of any kernel */
    PACKED_LIMIT = 1 << 20, /* bytes: the weights become 8 times what they are in the file, and are to stay in a cache */
    PACKED_WEIGHT = 36 * 2, /* bytes of the 3x3 weights between two channels */
    LEAST_UNITS = 8,        /* so that threads can share */
};

typedef struct step_data {
    const eq_winograd_kernel *kernel;
    eq_winograd winograd;  /* all but what depends on the tensors' strides */
    int32_t height, width; /* of the output */
    int32_t tile_rows;     /* of an image */
    int32_t all_rows;      /* of tiles, in all images */
    int32_t chunk;         /* columns of a unit */
    ptrdiff_t first_x;     /* bytes */
    int32_t first_y;
} step_data;

/* ---- running: a unit is a row of tiles by a chunk of columns; the rows of a chunk come one after the other ---- */

/* Where a row or column of tiles begins: the last may do pixels again that the one before it does. */
static int32_t tile_start(int32_t index, int32_t size) {
    const int32_t last = size > SIDE ? size - SIDE : 0;
    return index * SIDE < last ? index * SIDE : last;
}

typedef struct batch {
    eq_winograd_tile tiles[MOST_TILES];
    int32_t count, first_column, last_column;
} batch;

static void run_batch(const step_data *d, const eq_winograd *winograd, batch *b, void *scratch) {
    if (b->count) {
        d->kernel->run(winograd, b->tiles, b->count, b->first_column, b->last_column, scratch);
    }
    b->count = 0;
}

static void run_row(const step_data *d, const eq_winograd *winograd, eq_storage in, eq_storage out, int32_t row, batch *b,
                    void *scratch) {
    const int32_t image = row / d->tile_rows, index = row % d->tile_rows, y = tile_start(index, d->height);
    const int8_t *from = (const int8_t *)in.data + image * in.image_stride + (d->first_y + y) * in.row_stride + d->first_x;
    int8_t *to = (int8_t *)out.data + image * out.image_stride + y * out.row_stride;
    for (int32_t column = 0; column * SIDE < d->width; ++column) {
        const int32_t x = tile_start(column, d->width);
        b->tiles[b->count++] = (eq_winograd_tile){
            .in = from + (ptrdiff_t)x * winograd->channels,
            .out = to + (ptrdiff_t)x * winograd->columns,
            .first_row = index * SIDE - y, /* no two units write the same */
            .last_row = d->height < SIDE ? d->height : SIDE,
            .columns = d->width < SIDE ? d->width : SIDE,
        };
        if (b->count == d->kernel->tiles) {
            run_batch(d, winograd, b, scratch);
        }
    }
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_storage in = storage[step->inputs[0].tensor], out = storage[step->outputs[0].tensor];
    eq_winograd winograd = d->winograd;
    winograd.in_row = in.row_stride;
    winograd.out_row = out.row_stride;
    while (first < last) {
        const int32_t chunk = first / d->all_rows, row = first % d->all_rows, left = last - first;
        const int32_t rows = d->all_rows - row < left ? d->all_rows - row : left;
        const int32_t chunks = left >= d->all_rows && row == 0 ? left / d->all_rows : 1;
        const int32_t end = (chunk + chunks) * d->chunk;
        batch b = {.first_column = chunk * d->chunk, .last_column = end < winograd.columns ? end : winograd.columns};
        for (int32_t i = 0; i < rows; ++i) {
            run_row(d, &winograd, in, out, row + i, &b, scratch);
        }
        run_batch(d, &winograd, &b, scratch);
        first += chunks * rows;
    }
}

/* ---- packing; after the kernel's bytes, padded to a multiple of 64, one byte: `small` ---- */

typedef struct packer {
    const eq_gemm_layer *layer;
    const eq_winograd_kernel *kernel;
    int16_t *column;
    int32_t *bias;
} packer;

static eq_gemm_weights kernel_weights(const packer *p) {
    const eq_weight_view *w = &p->layer->parts[0].weights;
    return (eq_gemm_weights){
        .columns = w->columns,
        .segments = w->height,
        .segment_bytes = w->width * w->channels,
        .weights = w->data,
        .bias = p->bias,
        .scale = p->layer->quantized.scale,
        .zero_point = p->layer->quantized.out_zero_point,
    };
}

static size_t small_offset(const packer *p) {
    const eq_gemm_weights weights = kernel_weights(p);
    return (p->kernel->packed_bytes(&weights) + 63) & ~(size_t)63;
}

static void pack(const void *arguments, void *packed) {
    const packer *p = arguments;
    eq_gemm_weights weights = kernel_weights(p);
    weights.small = true;
    for (int32_t n = 0; n < weights.columns; ++n) {
        weights.small &= eq_weight_column(&p->layer->parts[0].weights, &p->layer->quantized, n, 0, p->column, &p->bias[n]);
    }
    p->kernel->pack(&weights, packed);
    ((uint8_t *)packed)[small_offset(p)] = weights.small;
}

static const void *pack_layer(eq_plan *plan, const eq_operator *op, const eq_gemm_layer *layer, bool *small) {
    const eq_weight_view *w = &layer->parts[0].weights;
    eq_memory_block *memory = NULL;
    packer p = {.layer = layer, .kernel = &plan->kernels->winograd};
    const uint8_t *packed = NULL;
    p.column = eq_memory_take(&memory, (size_t)(w->height * w->width * w->channels) * sizeof *p.column);
    p.bias = eq_memory_take(&memory, (size_t)w->columns * sizeof *p.bias);
    if (p.column && p.bias) {
        packed = eq_plan_packed(plan, op, small_offset(&p) + 1, pack, &p);
    } else {
        eq_plan_fail(plan, op, EQ_ERROR_MEMORY, "no memory to pack the weights");
    }
    *small = packed && packed[small_offset(&p)];
    eq_memory_free(&memory);
    return packed;
}

/* ---- planning ---- */

static int32_t tiles_over(int32_t size) {
    return size / SIDE + (size % SIDE != 0);
}

bool eq_winograd_suits(const eq_plan *plan, const eq_operator *op, const eq_gemm_layer *layer, const eq_window *window) {
    const eq_weight_view *w = &layer->parts[0].weights;
    const eq_tensor *output = &plan->graph->tensors[op->outputs[0]]; /* the file's, whose sizes all sessions agree on */
    const bool is_plain = window->height == 3 && window->width == 3 && window->stride_x == 1 && window->stride_y == 1 &&
                          window->dilation_x == 1 && window->dilation_y == 1 && layer->part_count == 1 &&
                          eq_weight_terms(layer->weights, false) == 1;
    if (!plan->kernels->winograd.tiles || !is_plain || w->channels % 8 || w->columns % 8 || output->rank != 4 ||
        w->channels > EQ_WINOGRAD_CHANNELS || (int64_t)w->channels * w->columns > PACKED_LIMIT / PACKED_WEIGHT) {
        return false;
    }
    /* Tiles that hang over cost as much as others: at most 1.6 times the pixels, where the product is about level. */
    const int64_t tiles = (int64_t)tiles_over(output->dims[1]) * tiles_over(output->dims[2]);
    return tiles > 0 && 10 * tiles <= (int64_t)output->dims[1] * output->dims[2];
}

static int32_t chunk_columns(int32_t columns, int64_t rows) {
    const int64_t shared = (columns * rows + LEAST_UNITS - 1) / LEAST_UNITS;
    return shared < columns ? ((int32_t)shared + 7) / 8 * 8 : columns;
}

eq_status eq_winograd_plan(eq_plan *plan, const eq_operator *op, const eq_gemm_layer *layer) {
    const eq_gemm_geometry *g = &layer->geometry;
    const eq_gemm_part *part = &layer->parts[0];
    bool small;
    const void *packed = pack_layer(plan, op, layer, &small);
    eq_step *step = packed ? eq_plan_step(plan, op, run, sizeof(step_data), 1, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const int64_t rows = (int64_t)g->batch * tiles_over(g->out_height);
    const int32_t chunk = chunk_columns(g->out_channels, rows), chunks = (g->out_channels + chunk - 1) / chunk;
    *(step_data *)step->data = (step_data){
        .kernel = &plan->kernels->winograd,
        .winograd = {.packed = packed,
                     .channels = g->in_channels,
                     .columns = g->out_channels,
                     .zero_point = layer->quantized.out_zero_point,
                     .min = layer->quantized.min,
                     .max = layer->quantized.max,
                     .small = small},
        .height = g->out_height,
        .width = g->out_width,
        .tile_rows = tiles_over(g->out_height),
        .all_rows = (int32_t)rows,
        .chunk = chunk,
        .first_x = (ptrdiff_t)part->in_x * g->in_channels,
        .first_y = part->in_y,
    };
    step->units = (int32_t)(rows * chunks); /* no more than the output has values */
    step->macs = (uint64_t)g->batch * (uint64_t)g->out_height * (uint64_t)g->out_width * (uint64_t)g->out_channels * 9 *
                 (uint64_t)g->in_channels;
    step->cost = step->macs / 2;
    step->scratch = plan->kernels->winograd.scratch_bytes(g->in_channels);
    step->inputs[0] = (eq_use){.tensor = layer->in_tensor, .rows = true, .halo = layer->halo};
    step->inputs[0].halo.right += g->out_width < SIDE ? SIDE - g->out_width : 0; /* what a tile reads */
    step->inputs[0].halo.bottom += g->out_height < SIDE ? SIDE - g->out_height : 0;
    step->outputs[0] = (eq_use){.tensor = layer->out_tensor, .rows = true};
    return EQ_OK;
}
