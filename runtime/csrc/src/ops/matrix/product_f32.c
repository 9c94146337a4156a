#include "product_f32.h"

#include "base/memory.h"
#include "ops/quantization.h"
#include "pack_f32.h"

enum {
    ROWS = 24,                /* pixels of a unit: whole tiles of any kernel */
    CHUNK_BYTES = 128 * 1024, /* of weights that stay in a cache while many pixels pass */
    LEAST_UNITS = 16,         /* so that threads can share */
    LEAST_UNIT_MACS = 64 * 1024,
    HEADER = 64, /* bytes before packed matrices: how many there are */
};

typedef struct run_part {
    eq_part_f32 part;
    int64_t pixels;                /* of all images */
    int32_t chunk, chunks, blocks; /* columns of a chunk; units are chunks, each with blocks of pixels */
    int32_t first_unit;
} run_part;

typedef struct layer_data {
    const eq_gemm_f32_kernel *kernel;
    const void *packed; /* NULL: the second input */
    ptrdiff_t element;  /* bytes of a value */
    eq_gemm_geometry geometry;
    float min, max;
    int32_t part_count;
    const eq_packed_matrix *places;
    run_part parts[];
} layer_data;

/* ---- running ---- */

static ptrdiff_t in_bytes(const layer_data *d, const eq_storage *in, int64_t image, int64_t y, int64_t x) {
    return (ptrdiff_t)(image * in->image_stride + y * in->row_stride + x * d->geometry.in_channels * d->element);
}

static ptrdiff_t out_bytes(const layer_data *d, const eq_storage *out, int64_t image, int64_t y, int64_t x) {
    return (ptrdiff_t)(image * out->image_stride + y * out->row_stride + x * d->geometry.out_channels * d->element);
}

/* The windows and places of `count` pixels from `pixel` on. */
static void point(const layer_data *d, const run_part *p, const eq_storage *in, const eq_storage *out, int64_t pixel,
                  int32_t count, const void **windows, void **places) {
    const eq_gemm_geometry *g = &d->geometry;
    const eq_part_f32 *part = &p->part;
    int32_t x = 0, y = 0;
    int64_t image = 0;
    if (pixel > 0) { /* to divide takes longer than a small layer */
        const int64_t line = pixel / part->width;
        x = (int32_t)(pixel % part->width);
        y = (int32_t)(line % part->height);
        image = line / part->height;
    }
    const ptrdiff_t in_step = in_bytes(d, in, 0, 0, g->stride_x), out_step = out_bytes(d, out, 0, 0, g->out_step_x);
    for (int32_t i = 0; i < count; x = 0) {
        const int32_t end = part->width - x < count - i ? i + part->width - x : count; /* of the line, or of the pixels */
        const uint8_t *from = (const uint8_t *)in->data + in_bytes(d, in, image, part->in_y + (int64_t)y * g->stride_y,
                                                                   part->in_x + (int64_t)x * g->stride_x);
        uint8_t *to = (uint8_t *)out->data + out_bytes(d, out, image, part->out_y + (int64_t)y * g->out_step_y,
                                                       part->out_x + (int64_t)x * g->out_step_x);
        for (; i < end; ++i, from += in_step, to += out_step) {
            windows[i] = from + part->in_first * d->element;
            places[i] = to + part->out_first * d->element;
        }
        if (++y == part->height) {
            y = 0;
            ++image;
        }
    }
}

static void find_segments(const layer_data *d, const eq_packed_matrix *matrix, const eq_storage *in, ptrdiff_t *offsets) {
    const eq_gemm_geometry *g = &d->geometry;
    for (int32_t s = 0; s < matrix->segments; ++s) {
        const int32_t y = s / matrix->taps_x, x = s % matrix->taps_x;
        offsets[s] = in_bytes(d, in, 0, (int64_t)y * g->dilation_y, (int64_t)x * g->dilation_x);
    }
}

static void run_units(const layer_data *d, const run_part *p, const eq_gemm_f32 *gemm, const eq_storage *in,
                      const eq_storage *out, int32_t unit, int32_t last) {
    const void *windows[ROWS];
    void *places[ROWS];
    for (; unit < last; ++unit) {
        const int64_t pixel = (int64_t)(unit % p->blocks) * ROWS;
        const int32_t count = p->pixels - pixel < ROWS ? (int32_t)(p->pixels - pixel) : ROWS;
        const int32_t first = unit / p->blocks * p->chunk;
        const int32_t end = gemm->columns - first < p->chunk ? gemm->columns : first + p->chunk;
        point(d, p, in, out, pixel, count, windows, places);
        d->kernel->run(gemm, windows, places, count, first, end);
    }
}

/* A product of one dense row: to walk over pixels would take longer than many a small layer. */
static void run_row(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const layer_data *d = step->data;
    const run_part *p = d->parts;
    const eq_packed_matrix *matrix = &d->places[p->part.matrix];
    const uint8_t *packed = d->packed ? d->packed : storage[step->inputs[1].tensor].data;
    const ptrdiff_t offset = 0;
    const eq_gemm_f32 gemm = {
        packed + matrix->offset, matrix->columns, matrix->segments, matrix->taps, &offset, d->min, d->max};
    const void *in = storage[step->inputs[0].tensor].data;
    void *out = storage[step->outputs[0].tensor].data;
    const int32_t end = last * p->chunk < gemm.columns ? last * p->chunk : gemm.columns;
    (void)scratch;
    d->kernel->run(&gemm, &in, &out, 1, first * p->chunk, end);
}

static void run_product(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const layer_data *d = step->data;
    const eq_gemm_geometry *g = &d->geometry;
    eq_storage in = storage[step->inputs[0].tensor], out = storage[step->outputs[0].tensor];
    const uint8_t *packed = d->packed ? d->packed : storage[step->inputs[1].tensor].data;
    if (!g->rows) {
        in.row_stride = (ptrdiff_t)g->in_width * g->in_channels * d->element;
        in.image_stride = g->in_height * in.row_stride;
        out.row_stride = (ptrdiff_t)g->out_width * g->out_channels * d->element;
        out.image_stride = g->out_height * out.row_stride;
    }
    for (int32_t i = 0; i < d->part_count; ++i) {
        const run_part *p = &d->parts[i];
        const int32_t units = p->blocks * p->chunks;
        const int32_t from = first > p->first_unit ? first - p->first_unit : 0;
        const int32_t to = last - p->first_unit < units ? last - p->first_unit : units;
        if (from >= to) {
            continue;
        }
        const eq_packed_matrix *matrix = &d->places[p->part.matrix];
        const eq_gemm_f32 gemm = {
            packed + matrix->offset, matrix->columns, matrix->segments, matrix->taps, scratch, d->min, d->max};
        find_segments(d, matrix, &in, scratch);
        run_units(d, p, &gemm, &in, &out, from, to);
    }
}

/* ---- packing ---- */

static void pack_constant(const void *arguments, void *packed) {
    const eq_pack_f32 *pack = arguments;
    *(int32_t *)packed = pack->product->matrix_count;
    eq_matrices_f32_pack(pack, (uint8_t *)packed + HEADER);
}

static const void *pack_once(eq_plan *plan, const eq_operator *op, eq_pack_f32 *pack, size_t bytes) {
    eq_memory_block *memory = NULL;
    const void *packed = NULL;
    pack->scratch = eq_memory_take(&memory, eq_matrices_f32_scratch(pack->product) + 1);
    if (pack->scratch) {
        packed = eq_plan_packed(plan, op, bytes + HEADER, pack_constant, pack);
    } else {
        eq_plan_fail(plan, op, EQ_ERROR_MEMORY, "no memory to pack the weights");
    }
    eq_memory_free(&memory);
    if (packed && *(const int32_t *)packed != pack->product->matrix_count) {
        packed = NULL;
        eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs its weights in another form than the model's first session");
    }
    return packed ? (const uint8_t *)packed + HEADER : NULL;
}

typedef struct pack_data {
    eq_pack_f32 pack;
    eq_product_f32 product;
    size_t bytes;
    bool has_bias, has_gaps; /* columns that complete a tile: zeros */
} pack_data;

static void run_pack(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const pack_data *d = step->data;
    eq_pack_f32 pack = d->pack;
    (void)first, (void)last;
    pack.product = &d->product;
    pack.weights = storage[step->inputs[0].tensor].data;
    pack.bias = d->has_bias ? storage[step->inputs[1].tensor].data : NULL;
    pack.scratch = scratch;
    if (d->has_gaps) {
        memset(storage[step->outputs[0].tensor].data, 0, d->bytes);
    }
    eq_matrices_f32_pack(&pack, storage[step->outputs[0].tensor].data);
}

/* For weights that are computed: a step that packs them. Returns its tensor, -1 with the error written. */
static int32_t pack_each_run(eq_plan *plan, const eq_operator *op, const eq_pack_f32 *pack, size_t bytes) {
    const eq_product_f32 *product = pack->product;
    const bool has_bias = product->bias >= 0;
    if (bytes / sizeof(float) > INT32_MAX) {
        eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has more weights than a tensor has room for");
        return -1;
    }
    const int32_t tensor = eq_plan_temporary(plan, EQ_FLOAT32, 1, (int32_t[]){(int32_t)(bytes / sizeof(float))});
    eq_step *step = tensor < 0 ? NULL : eq_plan_step(plan, op, run_pack, sizeof(pack_data), has_bias ? 2 : 1, 1);
    if (!step) {
        return -1;
    }
    pack_data *d = step->data;
    *d = (pack_data){.pack = *pack, .product = *product, .bytes = bytes, .has_bias = has_bias};
    for (int32_t i = 0; i < product->matrix_count; ++i) {
        d->has_gaps |= product->matrices[i].columns % pack->kernel->columns != 0;
    }
    step->inputs[0].tensor = product->weights;
    if (has_bias) {
        step->inputs[1].tensor = product->bias;
    }
    step->outputs[0].tensor = tensor;
    step->scratch = eq_matrices_f32_scratch(product);
    step->cost = bytes / sizeof(float);
    return tensor;
}

/* ---- planning ---- */

eq_status eq_float_layer_read(eq_plan *plan, const eq_operator *op, const eq_tensor *input, int32_t activation, float *min,
                              float *max) {
    if (input->type == EQ_FLOAT16 && !plan->half) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes float16 activations only where the precision is float16");
    }
    if (eq_plan_output(plan, op, 0)->type != input->type) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the output must be %s where the input is", eq_type_name(input->type));
    }
    return eq_activation_range_float(plan, op, activation, min, max);
}

eq_status eq_float_weights_check(eq_plan *plan, const eq_operator *op, const eq_tensor *weights, const eq_tensor *bias,
                                 int32_t columns) {
    if (weights->type != EQ_FLOAT32 && weights->type != EQ_FLOAT16) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take weights of type %s here",
                            eq_type_name(weights->type));
    }
    if (bias && bias->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take a bias of type %s here", eq_type_name(bias->type));
    }
    if (bias && eq_tensor_elements(bias) != columns) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the bias has %lld values for %d output channels",
                            (long long)eq_tensor_elements(bias), (int)columns);
    }
    return EQ_OK;
}

static int32_t round_up(int64_t n, int32_t step) {
    return (int32_t)((n + step - 1) / step * step);
}

static void plan_part(const eq_gemm_f32_kernel *kernel, const eq_packed_matrix *matrix, int64_t images, run_part *p) {
    const int64_t taps = (int64_t)matrix->segments * matrix->taps, column_bytes = taps * (int64_t)sizeof(float);
    p->pixels = images * p->part.height * p->part.width;
    p->blocks = (int32_t)((p->pixels + ROWS - 1) / ROWS);
    int64_t columns = p->blocks == 1 ? matrix->columns : CHUNK_BYTES / (column_bytes + 1) + 1;
    if (p->blocks < LEAST_UNITS && p->blocks > 0) {
        const int64_t rows = p->pixels < ROWS ? p->pixels : ROWS, worthwhile = LEAST_UNIT_MACS / (taps * rows + 1) + 1;
        const int64_t shared = ((int64_t)matrix->columns * p->blocks + LEAST_UNITS - 1) / LEAST_UNITS;
        const int64_t most = shared > worthwhile ? shared : worthwhile;
        columns = most < columns ? most : columns;
    }
    p->chunk = columns < matrix->columns ? round_up(columns, kernel->columns) : matrix->columns;
    p->chunks = (matrix->columns + p->chunk - 1) / p->chunk;
}

static eq_status plan_parts(eq_plan *plan, const eq_operator *op, const eq_product_f32 *product, eq_step *step) {
    layer_data *d = step->data;
    int64_t units = 0;
    for (int32_t i = 0; i < product->part_count; ++i) {
        run_part *p = &d->parts[i];
        p->part = product->parts[i];
        const eq_packed_matrix *matrix = &d->places[p->part.matrix];
        plan_part(d->kernel, matrix, product->geometry.batch, p);
        p->first_unit = (int32_t)units;
        units += (int64_t)p->blocks * p->chunks;
        if (units > INT32_MAX) {
            return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the layer is too large");
        }
        step->macs += (uint64_t)p->pixels * (uint64_t)matrix->columns * (uint64_t)matrix->segments * (uint64_t)matrix->taps;
        const size_t offsets = (size_t)matrix->segments * sizeof(ptrdiff_t);
        step->scratch = offsets > step->scratch ? offsets : step->scratch;
    }
    if (product->part_count == 1 && !product->geometry.rows && d->parts[0].pixels == 1 && d->places[0].segments == 1) {
        step->run = run_row;
    }
    step->units = (int32_t)units;
    step->cost = step->macs;
    step->floats = true;
    return EQ_OK;
}

static bool is_constant(const eq_plan *plan, int32_t tensor) {
    return tensor < 0 || (plan->tensors[tensor].tensor.data && !plan->tensors[tensor].tensor.is_variable);
}

eq_status eq_product_f32_plan(eq_plan *plan, const eq_operator *op, const eq_product_f32 *product) {
    const eq_type type = plan->tensors[product->in_tensor].tensor.type;
    const eq_gemm_f32_kernel *kernel = type == EQ_FLOAT16 ? &plan->kernels->gemm_f16 : &plan->kernels->gemm_f32;
    const eq_tensor *weights = &plan->tensors[product->weights].tensor;
    const eq_tensor *bias = product->bias < 0 ? NULL : &plan->tensors[product->bias].tensor;
    eq_packed_matrix *places = eq_plan_take(plan, eq_size_times((size_t)product->matrix_count, sizeof *places));
    if (!places) {
        return (eq_status)plan->error->status;
    }
    const size_t bytes = eq_matrices_f32_place(product, kernel, places);
    if (bytes == SIZE_MAX) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has more weights than the address space has room for");
    }
    eq_pack_f32 pack = {product, kernel, places, weights->type, weights->data, bias ? bias->data : NULL, NULL};
    const bool constant = is_constant(plan, product->weights) && is_constant(plan, product->bias);
    const void *packed = constant ? pack_once(plan, op, &pack, bytes) : NULL;
    const int32_t tensor = constant ? -1 : pack_each_run(plan, op, &pack, bytes);
    if (!packed && tensor < 0) {
        return (eq_status)plan->error->status;
    }
    const size_t data_bytes = sizeof(layer_data) + eq_size_times((size_t)product->part_count, sizeof(run_part));
    eq_step *step = eq_plan_step(plan, op, run_product, data_bytes, constant ? 1 : 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(layer_data *)step->data = (layer_data){.kernel = kernel,
                                             .packed = packed,
                                             .element = eq_type_size(type),
                                             .geometry = product->geometry,
                                             .min = product->min,
                                             .max = product->max,
                                             .part_count = product->part_count,
                                             .places = places};
    step->inputs[0] = (eq_use){.tensor = product->in_tensor, .rows = product->geometry.rows, .halo = product->halo};
    if (!constant) {
        step->inputs[1].tensor = tensor;
    }
    step->outputs[0] = (eq_use){.tensor = product->out_tensor, .rows = product->geometry.rows};
    return plan_parts(plan, op, product, step);
}
