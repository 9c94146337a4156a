#include "gemm_pack.h"

#include "base/memory.h"
#include "weight_passes.h"

/* At the start of the packed bytes, one for each part. */
typedef struct entry {
    uint64_t offset;
    uint64_t small;
    int32_t columns, segments, segment_bytes, unused;
} entry;

/* Temporary memory for one part. */
typedef struct packer {
    const eq_gemm_layer *layer;
    const eq_gemm_kernel *kernel;
    bool shifted;    /* a weight's zero point is not 0 */
    int8_t *weights; /* (columns, segments, segment_bytes) of the largest part; NULL if the file's can be used as they are */
    int16_t *column; /* (height, width, channels) of the largest part */
    int32_t *bias;   /* (columns) */
} packer;

static size_t align(size_t bytes) {
    return (bytes + 63) & ~(size_t)63;
}

static size_t column_size(const eq_weight_view *view) {
    return (size_t)view->height * (size_t)view->width * (size_t)view->channels;
}

eq_gemm_shape eq_gemm_part_shape(const eq_gemm_layer *layer, const eq_gemm_part *part) {
    const eq_weight_view *w = &part->weights;
    const bool adjacent = layer->geometry.dilation_x == 1 && w->channels == layer->geometry.in_channels;
    const int32_t taps_x = adjacent ? 1 : w->width;
    return (eq_gemm_shape){
        .terms = part->terms,
        .taps_x = taps_x,
        .segments = part->terms * w->height * taps_x,
        .segment_bytes = adjacent ? w->width * w->channels : w->channels,
    };
}

/* The file's order is the kernel's, (columns, segments, segment_bytes), and nothing is subtracted or split. */
static bool is_direct(const packer *p, const eq_gemm_part *part) {
    const eq_weight_view *w = &part->weights;
    return part->terms == 1 && !p->shifted && w->data && w->channel_stride == 1 && w->tap_stride == w->channels &&
           w->row_stride == w->tap_stride * w->width && w->column_stride == w->row_stride * w->height;
}

static eq_gemm_weights kernel_weights(const packer *p, const eq_gemm_part *part) {
    const eq_gemm_shape shape = eq_gemm_part_shape(p->layer, part);
    return (eq_gemm_weights){
        .columns = part->weights.columns,
        .segments = shape.segments,
        .segment_bytes = shape.segment_bytes,
        .weights = is_direct(p, part) ? part->weights.data : p->weights,
        .bias = p->bias,
        .scale = p->layer->quantized.scale + part->first_column,
        .zero_point = p->layer->quantized.out_zero_point,
        .shift = part->shift,
    };
}

/* Write one column's weights as `terms` blocks of int8 whose sum with `shift` they are. */
static void split(int16_t *column, size_t count, int32_t shift, int32_t terms, int8_t *out) {
    for (size_t i = 0; shift != 0 && i < count; ++i) {
        column[i] = (int16_t)(column[i] - shift);
    }
    for (int32_t term = 0; term < terms; ++term) {
        eq_weights_split(column, count, terms == 1 ? -128 : -127, out);
        out += count;
    }
}

/* Returns the part's `small`. */
static bool pack_part(const packer *p, const eq_gemm_part *part, void *packed) {
    const eq_weight_view *w = &part->weights;
    const bool direct = is_direct(p, part);
    const size_t count = column_size(w);
    bool small = true;
    for (int32_t n = 0; n < w->columns; ++n) {
        if (direct) {
            small &= eq_weight_column_in_place(w, &p->layer->quantized, n, part->first_column, &p->bias[n]);
            continue;
        }
        small &= eq_weight_column(w, &p->layer->quantized, n, part->first_column, p->column, &p->bias[n]);
        split(p->column, count, part->shift, part->terms, p->weights + (size_t)n * count * (size_t)part->terms);
    }
    eq_gemm_weights weights = kernel_weights(p, part);
    weights.small = small;
    p->kernel->pack(&weights, packed);
    return small;
}

static void pack_layer(const void *arguments, void *packed) {
    const packer *p = arguments;
    entry *entries = packed;
    size_t offset = align((size_t)p->layer->part_count * sizeof(entry));
    for (int32_t i = 0; i < p->layer->part_count; ++i) {
        const eq_gemm_part *part = &p->layer->parts[i];
        const eq_gemm_weights weights = kernel_weights(p, part);
        entries[i] = (entry){
            .offset = offset,
            .small = pack_part(p, part, (uint8_t *)packed + offset),
            .columns = weights.columns,
            .segments = weights.segments,
            .segment_bytes = weights.segment_bytes,
        };
        offset += align(p->kernel->packed_bytes(&weights));
    }
}

/* Take the temporary memory and add up the packed bytes; returns 0 without memory. */
static size_t prepare(packer *p, eq_memory_block **memory) {
    size_t bytes = align((size_t)p->layer->part_count * sizeof(entry)), columns = 1, count = 1, weights_bytes = 0;
    for (int32_t i = 0; i < p->layer->part_count; ++i) {
        const eq_gemm_part *part = &p->layer->parts[i];
        const eq_gemm_weights weights = kernel_weights(p, part);
        const size_t size = column_size(&part->weights), all = size * (size_t)weights.columns * (size_t)part->terms;
        bytes += align(p->kernel->packed_bytes(&weights));
        columns = (size_t)weights.columns > columns ? (size_t)weights.columns : columns;
        count = size > count ? size : count;
        weights_bytes = !is_direct(p, part) && all > weights_bytes ? all : weights_bytes;
    }
    p->column = eq_memory_take(memory, count * sizeof *p->column);
    p->bias = eq_memory_take(memory, columns * sizeof *p->bias);
    p->weights = weights_bytes ? eq_memory_take(memory, weights_bytes) : NULL;
    return p->column && p->bias && (p->weights || !weights_bytes) ? bytes : 0;
}

/* Another session may have packed them for inputs with other channels. */
static bool fits(const packer *p, const void *packed) {
    const entry *entries = packed;
    for (int32_t i = 0; i < p->layer->part_count; ++i) {
        const eq_gemm_weights weights = kernel_weights(p, &p->layer->parts[i]);
        if (entries[i].columns != weights.columns || entries[i].segments != weights.segments ||
            entries[i].segment_bytes != weights.segment_bytes) {
            return false;
        }
    }
    return true;
}

const void *eq_gemm_pack_layer(eq_plan *plan, const eq_operator *op, const eq_gemm_layer *layer) {
    const eq_gemm_kernel *kernel = &plan->kernels->gemm;
    packer p = {.layer = layer, .kernel = kernel};
    for (int32_t i = 0; i < layer->quantized.weight_zero_point_count; ++i) {
        p.shifted = p.shifted || layer->quantized.weight_zero_points[i] != 0;
    }
    for (int32_t i = 0; i < layer->part_count; ++i) {
        if (!eq_weights_fit(&layer->parts[i].weights, layer->parts[i].terms)) {
            eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has more weights than the address space has room for");
            return NULL;
        }
    }
    eq_memory_block *memory = NULL;
    const void *packed = NULL;
    const size_t bytes = prepare(&p, &memory);
    if (bytes) {
        packed = eq_plan_packed(plan, op, bytes, pack_layer, &p);
        if (packed && !fits(&p, packed)) {
            packed = NULL;
            eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs its weights in another form than the model's first session");
        }
    } else {
        eq_plan_fail(plan, op, EQ_ERROR_MEMORY, "no memory to pack the weights");
    }
    eq_memory_free(&memory);
    return packed;
}

bool eq_gemm_packed_part(const void *packed, int32_t index, const void **part) {
    const entry *e = (const entry *)packed + index;
    *part = (const uint8_t *)packed + e->offset;
    return e->small != 0;
}
