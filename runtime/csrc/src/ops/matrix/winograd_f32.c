/* Y = A^T ((G g G^T) * (B^T d B)) A with the points 0, sqrt(1/2), -sqrt(1/2), sqrt(2), -sqrt(2) and infinity, whose rounding errors are
 * a third of those of 0, 1, -1, 2, -2. Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015.
 *
 * A unit takes some tiles: their inputs are transformed (36 matrices of tiles by channels), each matrix is multiplied by that of the
 * transformed weights (gemm_f32), and the products are transformed to outputs (kernels/winograd_f32_template.h).
 *
 * Layers of float16 have tiles of 2x2 outputs, whose points 0, 1, -1 and infinity lose less of 11 bits, and transforms that are kernels. */
#include "winograd_f32.h"

#include <math.h>
#include <string.h>

#include "arithmetic/half.h"
#include "base/memory.h"

enum {
    OUT = 4,    /* outputs of a tile along an axis */
    IN = 6,     /* inputs */
    TAPS = 3,   /* of the window */
    TILES = 16, /* of a unit */
    LANES = 4,
    LEAST_CHANNELS = 8,
    MOST_WEIGHTS = 1
        << 16, /* channels times columns: weights become four times as many, and few tiles do not pay for reading them */
    MOST_HALF = 29000, /* of a weight, whose points are up to 9/4 of it */
};

/* What layers of a type differ in. */
typedef struct form {
    int32_t out, in;          /* of a tile along an axis */
    int32_t lanes;            /* channels and columns are multiples */
    int32_t least_tiles;      /* fewer leave rows of a product empty */
    ptrdiff_t element;        /* bytes */
    double weights[IN][TAPS]; /* G */
} form;

#define ROOT 1.41421356237309504880

static const form form_f32 = {OUT,
                              IN,
                              LANES,
                              4,
                              sizeof(float),
                              {{1, 0, 0},
                               {-2.0 / 3, -ROOT * (1.0 / 3), -1.0 / 3},
                               {-2.0 / 3, ROOT * (1.0 / 3), -1.0 / 3},
                               {1.0 / 6, ROOT * (1.0 / 6), 1.0 / 3},
                               {1.0 / 6, -ROOT * (1.0 / 6), 1.0 / 3},
                               {0, 0, 1}}};
static const form form_f16 = {2, 4, 8, 8, sizeof(uint16_t), {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}};

typedef struct step_data {
    const form *form;
    const eq_gemm_f32_kernel *kernel;
    eq_tile_transforms transforms;
    const uint8_t *packed;
    const void *weights; /* as in the file */
    eq_type weights_type;
    size_t matrix_bytes;
    eq_tile_outputs outputs; /* all but the row's bytes */
    int32_t channels, out_height, out_width, tiles_y, tiles_x, tiles, top, left;
} step_data;

/* ---- running ---- */

static int32_t least(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static float number_at(const void *values, eq_type type, ptrdiff_t index) {
    return type == EQ_FLOAT16 ? eq_half_to_float(((const uint16_t *)values)[index]) : ((const float *)values)[index];
}

static void multiply(const step_data *d, const uint8_t *points, uint8_t *products, int32_t count) {
    const ptrdiff_t in_tile = d->channels * d->form->element, out_tile = d->outputs.columns * d->form->element;
    const void *in[TILES];
    uint8_t *out[TILES];
    for (int32_t t = 0; t < count; ++t) {
        in[t] = points + t * in_tile;
        out[t] = products + t * out_tile;
    }
    for (int32_t k = 0; k < d->form->in * d->form->in; ++k) {
        const ptrdiff_t offset = k * TILES * in_tile;
        const eq_gemm_f32 gemm = {
            d->packed + (size_t)k * d->matrix_bytes, d->outputs.columns, 1, d->channels, &offset, -INFINITY, INFINITY};
        d->kernel->run(&gemm, in, (void *const *)out, count, 0, d->outputs.columns);
        for (int32_t t = 0; t < count; ++t) {
            out[t] += TILES * out_tile;
        }
    }
}

static __attribute__((noinline)) float half_at(const void *values, eq_type type, ptrdiff_t index) {
    return eq_half_to_float(eq_half_from_float(number_at(values, type, index)));
}

/* Outputs of float16 whose points or products do not fit it, though the outputs may: tap after tap in float32, which holds every product,
 * and rounded once. */
static void run_taps(const step_data *d, const eq_tile_outputs *o, const uint8_t *in, ptrdiff_t in_row, uint8_t *out,
                     int32_t height, int32_t width) {
    const ptrdiff_t along = (ptrdiff_t)TAPS * d->channels; /* a row of the window is adjacent */
    for (int32_t y = 0; y < height; ++y, in += in_row, out += o->row) {
        uint16_t *to = (uint16_t *)(void *)out;
        for (ptrdiff_t first = 0; first < (ptrdiff_t)width * d->channels; first += d->channels) {
            ptrdiff_t weight = 0;
            for (int32_t n = 0; n < o->columns; ++n) {
                float sum = o->bias ? half_at(o->bias, EQ_FLOAT32, n) : 0;
                for (int32_t tap = 0; tap < TAPS; ++tap) {
                    for (ptrdiff_t k = 0; k < along; ++k, ++weight) {
                        sum += half_at(in + tap * in_row, EQ_FLOAT16, first + k) * half_at(d->weights, d->weights_type, weight);
                    }
                }
                sum = half_at(&sum, EQ_FLOAT32, 0);
                sum = sum <= o->min ? o->min : sum;
                *to++ = eq_half_from_float(sum >= o->max ? o->max : sum);
            }
        }
    }
}

/* Scratch: products (points, tiles, columns), then inputs (points, tiles, channels), which are read a bit beyond their end. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const form *f = d->form;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    const ptrdiff_t in_pixel = d->channels * f->element, out_pixel = d->outputs.columns * f->element;
    uint8_t *products = scratch, *points = products + f->in * f->in * TILES * out_pixel;
    eq_tile_outputs outputs = d->outputs;
    outputs.row = out->row_stride;
    for (int32_t unit = first; unit < last; ++unit) {
        const int32_t tile = unit * TILES, count = least(d->tiles - tile, TILES);
        for (int32_t pass = 0; pass < 2; ++pass) {
            for (int32_t t = 0, some; t < count; t += some) { /* tiles of a line */
                const int32_t line = (tile + t) / d->tiles_x, x = (tile + t) % d->tiles_x;
                const int32_t image = line / d->tiles_y, y = line % d->tiles_y;
                const uint8_t *from = (const uint8_t *)in->data + image * in->image_stride +
                                      (f->out * y - d->top) * in->row_stride + (f->out * x - d->left) * in_pixel;
                some = least(d->tiles_x - x, count - t);
                if (pass == 0) {
                    d->transforms.input(from, in->row_stride, d->channels, some, points + t * in_pixel,
                                        (ptrdiff_t)TILES * d->channels);
                } else {
                    uint8_t *to = (uint8_t *)out->data + image * out->image_stride + f->out * y * out->row_stride +
                                  f->out * x * out_pixel;
                    const int32_t height = least(d->out_height - f->out * y, f->out), width = d->out_width - f->out * x;
                    if (!d->transforms.output(&outputs, products + t * out_pixel, (ptrdiff_t)TILES * outputs.columns, some, to,
                                              height, width)) {
                        run_taps(d, &outputs, from, in->row_stride, to, height, least(width, f->out * some));
                    }
                }
            }
            if (pass == 0) {
                multiply(d, points, products, count);
            }
        }
    }
}

/* ---- packing ---- */

typedef struct packer {
    const step_data *layer;
    const eq_tensor *weights;
    float *scratch; /* (columns, channels) */
} packer;

/* The matrix of one point along both axes. */
static void transform_weights(const packer *p, const double vertical[TAPS], const double horizontal[TAPS]) {
    const ptrdiff_t channels = p->layer->channels;
    for (ptrdiff_t i = 0; i < channels * p->layer->outputs.columns; ++i) {
        const ptrdiff_t first = i / channels * TAPS * TAPS * channels + i % channels;
        double sum = 0;
        for (ptrdiff_t tap = 0; tap < TAPS * TAPS; ++tap) {
            sum += vertical[tap / TAPS] * horizontal[tap % TAPS] *
                   (double)number_at(p->weights->data, p->weights->type, first + tap * channels);
        }
        p->scratch[i] = (float)sum;
    }
}

static void pack(const void *arguments, void *packed) {
    const packer *p = arguments;
    const form *f = p->layer->form;
    const eq_gemm_f32_weights weights = {p->layer->outputs.columns, 1, p->layer->channels, p->scratch, NULL, false};
    for (int32_t k = 0; k < f->in * f->in; ++k) {
        transform_weights(p, f->weights[k / f->in], f->weights[k % f->in]);
        p->layer->kernel->pack(&weights, (uint8_t *)packed + (size_t)k * p->layer->matrix_bytes);
    }
}

static const uint8_t *pack_once(eq_plan *plan, const eq_operator *op, const step_data *d, const eq_tensor *weights) {
    eq_memory_block *memory = NULL;
    const size_t values = (size_t)d->channels * (size_t)d->outputs.columns;
    const packer p = {d, weights, eq_memory_take(&memory, values * sizeof(float))};
    const uint8_t *packed = NULL;
    if (p.scratch) {
        packed = eq_plan_packed(plan, op, (size_t)(d->form->in * d->form->in) * d->matrix_bytes, pack, &p);
    } else {
        eq_plan_fail(plan, op, EQ_ERROR_MEMORY, "no memory to pack the weights");
    }
    eq_memory_free(&memory);
    return packed;
}

/* ---- planning ---- */

static int32_t tiles_along(int32_t outputs, const form *f) {
    return outputs / f->out + (outputs % f->out != 0);
}

static const form *form_of(const eq_tensor *input) {
    return input->type == EQ_FLOAT16 ? &form_f16 : &form_f32;
}

static bool is_constant(const eq_tensor *tensor) {
    return !tensor || (tensor->data && !tensor->is_variable);
}

/* Enough tiles, and few pixels in them that are no outputs. */
static bool fits_tiles(const eq_tensor *output, const form *f) {
    if (output->rank != 4 || output->dims[1] < 1 || output->dims[2] < 1) {
        return false;
    }
    const int64_t tiles = (int64_t)tiles_along(output->dims[1], f) * tiles_along(output->dims[2], f);
    return tiles >= f->least_tiles && 10 * tiles * f->out * f->out <= 16 * (int64_t)output->dims[1] * output->dims[2];
}

/* Float16 has the points of all weights as numbers. */
static bool fits_half(const eq_tensor *weights) {
    for (int64_t i = 0; i < eq_tensor_elements(weights); ++i) {
        if (fabsf(number_at(weights->data, weights->type, (ptrdiff_t)i)) > MOST_HALF) {
            return false;
        }
    }
    return true;
}

bool eq_winograd_f32_takes(const eq_plan *plan, const eq_operator *op, const eq_window *w) {
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    const form *f = form_of(input);
    const int32_t columns = weights->dims[0], channels = weights->dims[3];
    const bool window = w->height == TAPS && w->width == TAPS && w->stride_y == 1 && w->stride_x == 1 && w->dilation_y == 1 &&
                        w->dilation_x == 1 && channels == input->dims[3];
    const bool whole =
        channels % f->lanes == 0 && columns % f->lanes == 0 && channels >= LEAST_CHANNELS && columns >= LEAST_CHANNELS;
    return window && whole && (int64_t)channels * columns <= MOST_WEIGHTS && is_constant(weights) &&
           is_constant(eq_plan_input(plan, op, 2)) && fits_tiles(&plan->graph->tensors[op->outputs[0]], f) &&
           (f != &form_f16 || fits_half(weights));
}

eq_status eq_winograd_f32_plan(eq_plan *plan, const eq_operator *op, const eq_winograd_f32 *layer) {
    const eq_window *w = layer->window;
    const form *f = form_of(eq_plan_input(plan, op, 0));
    const bool is_half = f == &form_f16;
    const int32_t tiles_y = tiles_along(w->out_height, f), tiles_x = tiles_along(w->out_width, f), points = f->in * f->in;
    step_data d = {.form = f,
                   .kernel = is_half ? &plan->kernels->gemm_f16 : &plan->kernels->gemm_f32,
                   .transforms = is_half ? plan->kernels->winograd_f16 : plan->kernels->winograd_f32,
                   .outputs = {.columns = layer->weights->dims[0],
                               .bias = layer->bias ? layer->bias->data : NULL,
                               .min = layer->min,
                               .max = layer->max},
                   .weights = layer->weights->data,
                   .weights_type = layer->weights->type,
                   .channels = layer->weights->dims[3],
                   .out_height = w->out_height,
                   .out_width = w->out_width,
                   .tiles_y = tiles_y,
                   .tiles_x = tiles_x,
                   .tiles = layer->batch * tiles_y * tiles_x, /* no more than outputs */
                   .top = w->pad.top,
                   .left = w->pad.left};
    const eq_gemm_f32_weights shape = {d.outputs.columns, 1, d.channels, NULL, NULL, false};
    d.matrix_bytes = (d.kernel->packed_bytes(&shape) + 63) & ~(size_t)63;
    d.packed = pack_once(plan, op, &d, layer->weights);
    eq_step *step = d.packed ? eq_plan_step(plan, op, run, sizeof d, 1, 1) : NULL;
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = d;
    step->units = (d.tiles + TILES - 1) / TILES;
    step->macs = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) * TAPS * TAPS * (uint64_t)d.channels;
    step->cost = step->macs / (uint64_t)f->out; /* F(4x4) has a quarter of the products, F(2x2) more than 4 of 9 */
    step->floats = true;
    step->scratch = ((size_t)d.channels + (size_t)d.outputs.columns) * (size_t)points * TILES * (size_t)f->element + EQ_SLACK;
    const eq_halo halo = {.top = w->pad.top,
                          .left = w->pad.left,
                          .bottom = f->out * tiles_y + TAPS - 1 - w->pad.top - layer->in_height,
                          .right = f->out * tiles_x + TAPS - 1 - w->pad.left - layer->in_width};
    step->inputs[0] = (eq_use){.tensor = layer->in_tensor, .rows = true, .halo = halo};
    step->outputs[0] = (eq_use){.tensor = layer->out_tensor, .rows = true};
    return EQ_OK;
}
