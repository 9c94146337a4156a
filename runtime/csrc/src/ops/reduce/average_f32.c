/* AVERAGE_POOL_2D of floats, with XNNPACK's bits: the taps of a window go column by column, nine at a time, and those that padding
 * takes are zeros. (xnn_f32_avgpool_minmax_ukernel_9p) */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "plan/operator.h"
#include "pool.h"

enum { TAPS = 9 };

typedef struct step_data {
    const eq_kernels *kernels;
    eq_pool_shape shape;
    eq_bounds bounds;
} step_data;

/* Where the pixels of a window are; `origin` is the first, which may be outside of the image. */
typedef struct window {
    const uint8_t *origin;
    ptrdiff_t row, column; /* bytes */
    eq_pool_range rows, columns;
    int32_t first_row, first_column; /* of the image */
    int32_t height;                  /* of the window */
} window;

static const float *tap_at(const window *w, int32_t tap, const float *zeros) {
    const int32_t x = tap / w->height, y = tap % w->height;
    const int32_t column = w->first_column + x - w->columns.first, row = w->first_row + y - w->rows.first;
    const bool inside = column >= 0 && column < w->columns.count && row >= 0 && row < w->rows.count;
    return inside ? (const float *)(const void *)(w->origin + y * w->row + x * w->column) : zeros;
}

/* The first tap from `tap` on that is inside of the image, `count` if none is: a window may be larger than the image by far. */
static int32_t next_inside(const window *w, int32_t tap, int32_t count) {
    const int32_t left = w->columns.first - w->first_column, top = w->rows.first - w->first_row;
    int32_t x = tap / w->height, y = tap % w->height;
    if (x < left) {
        x = left;
        y = top;
    } else if (y >= top + w->rows.count) {
        ++x;
        y = top;
    }
    return x < left + w->columns.count ? x * w->height + (y < top ? top : y) : count;
}

static void find_taps(const window *w, int32_t first, int32_t count, const float *zeros, const float *taps[TAPS]) {
    for (int32_t i = 0; i < TAPS; ++i) {
        taps[i] = first + i < count ? tap_at(w, first + i, zeros) : zeros;
    }
}

/* `scratch` has the channels three times: zeros, and room for the sums of a large window, which is never where they come from. */
static void average(const step_data *d, const window *w, float *scratch, float *out) {
    const int32_t count = w->height * d->shape.window.width, channels = d->shape.channels;
    const eq_bounds unbounded = {-INFINITY, INFINITY};
    const float part = 1.0f / (float)(w->rows.count * w->columns.count);
    const float *taps[TAPS], *before = scratch;
    float *sums = scratch + channels, *next = sums + channels;
    for (int32_t first = next_inside(w, 0, count), then; first < count; first = then) {
        first -= first % TAPS; /* nine zeros change no sum */
        then = next_inside(w, first + TAPS, count);
        find_taps(w, first, count, scratch, taps);
        if (then >= count) {
            d->kernels->average_f32(taps, before, part, &d->bounds, channels, out);
        } else {
            d->kernels->average_f32(taps, before, 1, &unbounded, channels, sums);
            float *const other = next;
            before = next = sums;
            sums = other;
        }
    }
}

/* A row of windows. Of those of at most TAPS pixels that are inside of the image each has the taps of the one before, moved. */
static void run_row(const step_data *d, window *w, const uint8_t *from, float *scratch, float *out) {
    const eq_window *of = &d->shape.window;
    const int32_t channels = d->shape.channels, count = of->height * of->width;
    const float *taps[TAPS];
    bool follows = false; /* the window before was such a one */
    for (int32_t x = 0; x < of->out_width; ++x, out += channels) {
        w->columns = eq_pool_columns(&d->shape, x);
        w->first_column = x * of->stride_x - of->pad.left;
        w->origin = from + (w->first_row - w->rows.first) * w->row + w->first_column * w->column;
        if (count > TAPS || w->rows.count * w->columns.count < count) {
            follows = false;
            average(d, w, scratch, out);
            continue;
        }
        for (int32_t i = 0; follows && i < count; ++i) {
            taps[i] += of->stride_x * channels;
        }
        if (!follows) {
            find_taps(w, 0, count, scratch, taps);
        }
        follows = true;
        d->kernels->average_f32(taps, scratch, 1.0f / (float)count, &d->bounds, channels, out);
    }
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_window *of = &d->shape.window;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    const ptrdiff_t pixel = (ptrdiff_t)d->shape.channels * (ptrdiff_t)sizeof(float);
    memset(scratch, 0, (size_t)pixel);
    for (int32_t unit = first; unit < last; ++unit) {
        const void *from; /* the first row that is inside */
        window w = {.row = in->row_stride, .column = pixel, .height = of->height};
        float *to = eq_pool_row(&d->shape, in, out, unit, &from, &w.rows);
        w.first_row = unit % of->out_height * of->stride_y - of->pad.top;
        run_row(d, &w, from, scratch, to);
    }
}

eq_status eq_prepare_average_f32(eq_plan *plan, const eq_operator *op) {
    step_data d = {.kernels = plan->kernels};
    const eq_status status = eq_pool_read_f32(plan, op, &d.shape, &d.bounds.min, &d.bounds.max);
    if (status != EQ_OK) {
        return status;
    }
    if ((int64_t)d.shape.window.height * d.shape.window.width > INT32_MAX - TAPS) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its windows have 2^31 pixels or more");
    }
    eq_step *step = eq_pool_step(plan, op, &d.shape, run, sizeof d);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = d;
    step->scratch = eq_size_times((size_t)d.shape.channels, 3 * sizeof(float));
    return EQ_OK;
}

EQ_OPERATOR(AVERAGE_POOL_2D, eq_prepare_average_f32, FLOAT32);
EQ_OPERATOR_FLOAT16(AVERAGE_POOL_2D);
