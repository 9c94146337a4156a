/* RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR of images (batch, height, width, channels). */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "ops/arguments.h"
#include "plan/operator.h"
#include "ops/quantization.h"

/* Where a row or column of the output comes from. */
typedef struct eq_sample {
    int32_t near, far; /* rows or columns of the input */
    int32_t weight;    /* of `far`, of 2048: int8; of 1024: int16 */
    float fraction;    /* of `far`: float32 */
} eq_sample;

typedef struct eq_resize {
    const eq_kernels *kernels;
    eq_sample *rows, *columns;
    int32_t out_height, out_width;
    ptrdiff_t pixel;              /* bytes */
    ptrdiff_t in_row, in_image;   /* bytes; 0: as the memory has it */
    ptrdiff_t out_row, out_image; /* likewise */
} eq_resize;

/* ---- where samples are ---- */

typedef struct direction {
    int32_t in, out; /* pixels */
    bool align_corners, half_pixel_centers;
} direction;

/* XNNPACK's indirection_init_resize_bilinear2d_hwc_q11, and _f32. Every operation is rounded to float: no fused multiply-add. */
static eq_sample bilinear_sample(const direction *d, int32_t index) {
    const int32_t less = d->align_corners && d->out != 1;
    const float scale = (float)(d->in - less) / (float)(d->out - less);
    float position = (float)index * scale;
    if (d->half_pixel_centers && !d->align_corners) {
        const float half = 0.5f * scale;
        position = position + (half - 0.5f);
    }
    position = fminf(fmaxf(position, 0.0f), (float)(d->in - 1));
    const int32_t near = (int32_t)fmin((double)position, d->in - 1.0); /* beyond 2^24 floats skip numbers */
    return (eq_sample){
        .near = near,
        .far = near + 1 < d->in ? near + 1 : d->in - 1,
        .weight = (int32_t)rintf((position - (float)near) * 2048.0f),
        .fraction = position - (float)near,
    };
}

/* LiteRT's ComputeInterpolationValuesInteger, which does not know where the image ends: beyond, its last pixels count. */
static eq_sample bilinear_sample_s16(const direction *d, int32_t index) {
    enum { ONE = 1 << 10 };
    const int32_t less = d->align_corners && d->out > 1, in = d->in - less, out = d->out - less;
    const int64_t scale = ((int64_t)ONE * in + out / 2) / out;
    const int64_t position = index * scale + (d->half_pixel_centers ? scale / 2 - ONE / 2 : 0);
    const int64_t near = position / ONE > 0 ? position / ONE : 0, far = (position + ONE - 1) / ONE, last = d->in - 1;
    const int64_t kept = near < last ? near : last;
    return (eq_sample){
        .near = (int32_t)kept,
        .far = (int32_t)(far < last ? far : last),
        .weight = (int32_t)(position - ONE * near),
    };
}

/* LiteRT's GetNearestNeighbor. */
static eq_sample nearest_sample(const direction *d, int32_t index) {
    const float scale =
        d->align_corners && d->out > 1 ? (float)(d->in - 1) / (float)(d->out - 1) : (float)d->in / (float)d->out;
    const float position = ((float)index + (d->half_pixel_centers ? 0.5f : 0.0f)) * scale;
    const float whole = d->align_corners ? roundf(position) : floorf(position);
    return (eq_sample){.near = (int32_t)fmin((double)whole, d->in - 1.0)};
}

static eq_sample *take_samples(eq_plan *plan, const direction *d, eq_sample (*sample)(const direction *d, int32_t index)) {
    eq_sample *samples = eq_plan_take(plan, eq_size_times((size_t)d->out, sizeof *samples));
    for (int32_t i = 0; samples && i < d->out; ++i) {
        samples[i] = sample(d, i);
    }
    return samples;
}

/* ---- steps: a unit is a row of the output ---- */

static ptrdiff_t either(ptrdiff_t planned, ptrdiff_t stored) {
    return planned != 0 ? planned : stored;
}

typedef struct images {
    const uint8_t *from;
    uint8_t *to;
    ptrdiff_t in_row;
    const eq_sample *row;
} images;

static images place(const eq_resize *r, const eq_storage *in, const eq_storage *out, int32_t unit) {
    const int32_t image = unit / r->out_height, y = unit % r->out_height;
    return (images){
        .from = (const uint8_t *)in->data + image * either(r->in_image, in->image_stride),
        .to = (uint8_t *)out->data + image * either(r->out_image, out->image_stride) + y * either(r->out_row, out->row_stride),
        .in_row = either(r->in_row, in->row_stride),
        .row = &r->rows[y],
    };
}

static void run_bilinear(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_resize *r = step->data;
    for (int32_t unit = first; unit < last; ++unit) {
        const images i = place(r, &storage[step->inputs[0].tensor], &storage[step->outputs[0].tensor], unit);
        const int8_t *above = (const int8_t *)i.from + i.row->near * i.in_row;
        const int8_t *below = (const int8_t *)i.from + i.row->far * i.in_row;
        for (int32_t x = 0; x < r->out_width; ++x) {
            const eq_sample *c = &r->columns[x];
            const ptrdiff_t left = c->near * r->pixel, right = c->far * r->pixel;
            const int8_t *const corners[4] = {above + left, above + right, below + left, below + right};
            r->kernels->bilinear(corners, c->weight, i.row->weight, (int32_t)r->pixel, (int8_t *)i.to + x * r->pixel);
        }
    }
}

static void run_bilinear_f32(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_resize *r = step->data;
    const ptrdiff_t channels = r->pixel / (ptrdiff_t)sizeof(float);
    for (int32_t unit = first; unit < last; ++unit) {
        const images i = place(r, &storage[step->inputs[0].tensor], &storage[step->outputs[0].tensor], unit);
        const float *above = (const float *)(const void *)(i.from + i.row->near * i.in_row);
        const float *below = (const float *)(const void *)(i.from + i.row->far * i.in_row);
        float *to = (float *)(void *)i.to;
        for (int32_t x = 0; x < r->out_width; ++x, to += channels) {
            const eq_sample *c = &r->columns[x];
            const ptrdiff_t left = c->near * channels, right = c->far * channels;
            const float *const corners[4] = {above + left, above + right, below + left, below + right};
            r->kernels->bilinear_f32(corners, c->fraction, i.row->fraction, (int32_t)channels, to);
        }
    }
}

/* A sum is below 2^36, and halves go away from zero. */
static void mix_s16(const int16_t *const corners[4], int64_t right, int64_t bottom, ptrdiff_t channels, int16_t *out) {
    enum { ONE = 1 << 10 };
    for (ptrdiff_t c = 0; c < channels; ++c) {
        const int64_t above = corners[0][c] * (ONE - right) + corners[1][c] * right;
        const int64_t below = corners[2][c] * (ONE - right) + corners[3][c] * right;
        const int64_t sum = above * (ONE - bottom) + below * bottom;
        out[c] = (int16_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
    }
}

static void run_bilinear_s16(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_resize *r = step->data;
    const ptrdiff_t channels = r->pixel / (ptrdiff_t)sizeof(int16_t);
    for (int32_t unit = first; unit < last; ++unit) {
        const images i = place(r, &storage[step->inputs[0].tensor], &storage[step->outputs[0].tensor], unit);
        const int16_t *above = (const int16_t *)(const void *)(i.from + i.row->near * i.in_row);
        const int16_t *below = (const int16_t *)(const void *)(i.from + i.row->far * i.in_row);
        int16_t *to = (int16_t *)(void *)i.to;
        for (int32_t x = 0; x < r->out_width; ++x, to += channels) {
            const eq_sample *c = &r->columns[x];
            const ptrdiff_t left = c->near * channels, right = c->far * channels;
            const int16_t *const corners[4] = {above + left, above + right, below + left, below + right};
            mix_s16(corners, c->weight, i.row->weight, channels, to);
        }
    }
}

static void run_nearest(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_resize *r = step->data;
    for (int32_t unit = first; unit < last; ++unit) {
        const images i = place(r, &storage[step->inputs[0].tensor], &storage[step->outputs[0].tensor], unit);
        const uint8_t *from = i.from + i.row->near * i.in_row;
        for (int32_t x = 0; x < r->out_width; ++x) {
            memcpy(i.to + x * r->pixel, from + r->columns[x].near * r->pixel, (size_t)r->pixel);
        }
    }
}

/* `option` is the number of align_corners in the operator's options; half_pixel_centers follows. */
static eq_status prepare(eq_plan *plan, const eq_operator *op, eq_run_fn run,
                         eq_sample (*sample)(const direction *d, int32_t index), int option) {
    int32_t size[2], count = 0;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 1, size, 2, &count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->rank != 4 || count != 2) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs an image of 4 dimensions and a size of 2");
    }
    const int32_t dims[4] = {in->dims[0], size[0], size[1], in->dims[3]}, most = 1 << 24; /* that floats count exactly */
    if ((status = eq_plan_shape(plan, op, 0, 4, dims)) != EQ_OK) {
        return status;
    }
    if (in->dims[1] >= most || in->dims[2] >= most || size[0] >= most || size[1] >= most) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "images of 2^24 rows or columns are not supported");
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof(eq_resize), 1, 1);
    const bool align = eq_option_bool(op, option, false), half = eq_option_bool(op, option + 1, false);
    eq_sample *rows = take_samples(plan, &(direction){in->dims[1], size[0], align, half}, sample);
    eq_sample *columns = take_samples(plan, &(direction){in->dims[2], size[1], align, half}, sample);
    if (!step || !rows || !columns) {
        return (eq_status)plan->error->status;
    }
    eq_resize *r = step->data;
    *r = (eq_resize){.kernels = plan->kernels, .rows = rows, .columns = columns, .out_height = size[0], .out_width = size[1]};
    r->pixel = (ptrdiff_t)in->dims[3] * eq_type_size(in->type);
    const bool image = eq_is_image(in);
    if (!image) {
        r->in_row = r->pixel * in->dims[2];
        r->in_image = r->in_row * in->dims[1];
        r->out_row = r->pixel * size[1];
        r->out_image = r->out_row * size[0];
    }
    step->inputs[0] = (eq_use){.tensor = op->inputs[0], .rows = image};
    step->outputs[0] = (eq_use){.tensor = op->outputs[0], .rows = image};
    step->units = dims[0] * dims[1];
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0));
    step->slow = run == run_bilinear_f32 || run == run_bilinear_s16;
    return EQ_OK;
}

eq_status eq_prepare_resize_bilinear(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status == EQ_OK && (status = eq_check_int8(plan, op, eq_plan_input(plan, op, 0), "its input")) == EQ_OK) {
        status = prepare(plan, op, run_bilinear, bilinear_sample, 2);
    }
    return status;
}

eq_status eq_prepare_resize_bilinear_f32(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, run_bilinear_f32, bilinear_sample, 2);
}

eq_status eq_prepare_resize_bilinear_s16(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, run_bilinear_s16, bilinear_sample_s16, 2);
}

eq_status eq_prepare_resize_nearest_neighbor(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, run_nearest, nearest_sample, 0);
}

EQ_OPERATOR(RESIZE_BILINEAR, eq_prepare_resize_bilinear, INT8);
EQ_OPERATOR(RESIZE_BILINEAR, eq_prepare_resize_bilinear_f32, FLOAT32);
EQ_OPERATOR(RESIZE_BILINEAR, eq_prepare_resize_bilinear_s16, INT16);
EQ_OPERATOR(RESIZE_NEAREST_NEIGHBOR, eq_prepare_resize_nearest_neighbor, ANY);
EQ_OPERATOR_KERNEL(bilinear, RESIZE_BILINEAR);
EQ_OPERATOR_KERNEL(bilinear_f32, RESIZE_BILINEAR);
