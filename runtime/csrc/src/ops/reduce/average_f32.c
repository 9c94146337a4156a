/* AVERAGE_POOL_2D of floats, with XNNPACK's bits: the taps of a window go column by column, nine at a time, and those that padding
 * takes are zeros. (xnn_f32_avgpool_minmax_ukernel_9p) */
#include <string.h>

#include "plan/operator.h"
#include "pool.h"

enum { TAPS = 9 };

typedef struct step_data {
    eq_pool_shape shape;
    float min, max;
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

static inline float sum_of_taps(const float *const taps[TAPS], int32_t c) {
    const float ends = (taps[0][c] + taps[1][c]) + taps[8][c] + (taps[6][c] + taps[7][c]);
    return (taps[2][c] + taps[3][c]) + (taps[4][c] + taps[5][c]) + ends;
}

static void add_taps(const float *const taps[TAPS], int32_t channels, float *out) {
    for (int32_t c = 0; c < channels; ++c) {
        out[c] = sum_of_taps(taps, c) + out[c];
    }
}

static void average(const step_data *d, const window *w, const float *zeros, float *out) {
    const int32_t count = w->height * d->shape.window.width, channels = d->shape.channels;
    const float part = 1.0f / (float)(w->rows.count * w->columns.count);
    memset(out, 0, (size_t)channels * sizeof *out);
    for (int32_t first = next_inside(w, 0, count); first < count; first = next_inside(w, first + TAPS, count)) {
        const float *taps[TAPS];
        first -= first % TAPS; /* nine zeros change no sum */
        for (int32_t i = 0; i < TAPS; ++i) {
            taps[i] = first + i < count ? tap_at(w, first + i, zeros) : zeros;
        }
        add_taps(taps, channels, out);
    }
    for (int32_t c = 0; c < channels; ++c) {
        const float x = out[c] * part, low = x < d->min ? d->min : x;
        out[c] = low > d->max ? d->max : low;
    }
}

/* How many windows from this one on are small and inside of the image. */
static int32_t whole_windows(const step_data *d, const window *w) {
    const eq_window *of = &d->shape.window;
    const int32_t past = w->first_column + of->width;
    return w->first_column >= 0 && past <= d->shape.width && w->rows.count == w->height && w->height * of->width <= TAPS
               ? (d->shape.width - past) / of->stride_x + 1
               : 0;
}

/* The averages of `count` windows of at most TAPS pixels, all of them inside of the image; `w` is the first. */
static void average_inside(const step_data *d, const window *w, const float *zeros, int32_t count, float *restrict out) {
    const int32_t channels = d->shape.channels, pixels = w->height * d->shape.window.width;
    const ptrdiff_t step = (ptrdiff_t)d->shape.window.stride_x * channels;
    const float part = 1.0f / (float)pixels, min = d->min, max = d->max;
    const float *taps[TAPS];
    for (int32_t i = 0; i < TAPS; ++i) {
        taps[i] = i < pixels ? tap_at(w, i, zeros) : zeros;
    }
    for (; count > 0; --count, out += channels) {
        for (int32_t c = 0; c < channels; ++c) {
            const float x = (sum_of_taps(taps, c) + 0.0f) * part, low = x < min ? min : x; /* no -0, as above */
            out[c] = low > max ? max : low;
        }
        for (int32_t i = 0; i < pixels; ++i) {
            taps[i] += step;
        }
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
        for (int32_t x = 0; x < of->out_width; ++x, to += d->shape.channels) {
            w.columns = eq_pool_columns(&d->shape, x);
            w.first_column = x * of->stride_x - of->pad.left;
            w.origin = (const uint8_t *)from + (w.first_row - w.rows.first) * w.row + w.first_column * pixel;
            const int32_t whole = whole_windows(d, &w);
            if (whole > 0) {
                const int32_t left = of->out_width - x, count = whole < left ? whole : left;
                average_inside(d, &w, scratch, count, to);
                x += count - 1;
                to += (ptrdiff_t)(count - 1) * d->shape.channels;
            } else {
                average(d, &w, scratch, to);
            }
        }
    }
}

eq_status eq_prepare_average_f32(eq_plan *plan, const eq_operator *op) {
    step_data d;
    const eq_status status = eq_pool_read_f32(plan, op, &d.shape, &d.min, &d.max);
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
    step->scratch = (size_t)d.shape.channels * sizeof(float);
    return EQ_OK;
}

EQ_OPERATOR(AVERAGE_POOL_2D, eq_prepare_average_f32, FLOAT32);
EQ_OPERATOR_FLOAT16(AVERAGE_POOL_2D);
