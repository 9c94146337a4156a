/* MAX_POOL_2D and L2_POOL_2D of floats, by plain additions in one order: the same bits everywhere. Each row of a window is summed for
 * itself, then the rows: one sum over all of a large image would lose three digits more. */
#include <math.h>
#include <string.h>

#include "plan/operator.h"
#include "pool.h"

enum { BLOCK = 16 }; /* channels whose results stay in registers */

typedef struct step_data {
    const eq_kernels *kernels;
    eq_pool_shape shape;
    int32_t code; /* EQ_OP_... */
    float min, max;
} step_data;

/* What windows cover of an image: some pixels of some rows, floats apart. */
typedef struct covered {
    int32_t rows, pixels;
    ptrdiff_t row, pixel;
} covered;

static inline void take_root(const covered *c, const float *in, int32_t channels, float *out) {
    const float part = 1.0f / (float)(c->rows * c->pixels);
    float sums[BLOCK] = {0};
    for (int32_t y = 0; y < c->rows; ++y) {
        const float *pixel = in + y * c->row;
        float row[BLOCK] = {0};
        for (int32_t x = 0; x < c->pixels; ++x, pixel += c->pixel) {
            for (int32_t i = 0; i < channels; ++i) {
                row[i] += pixel[i] * pixel[i];
            }
        }
        for (int32_t i = 0; i < channels; ++i) {
            sums[i] += row[i];
        }
    }
    for (int32_t i = 0; i < channels; ++i) {
        out[i] = sqrtf(sums[i] * part);
    }
}

static void clamp(const step_data *d, int32_t count, float *out) {
    for (int32_t i = 0; i < count; ++i) {
        const float x = out[i] < d->min ? d->min : out[i];
        out[i] = x > d->max ? d->max : x;
    }
}

/* One row of outputs from the windows' rows, of which `first` is the first. */
static void run_roots(const step_data *d, const float *first, covered c, float *out) {
    const int32_t channels = d->shape.channels;
    for (int32_t x = 0; x < d->shape.window.out_width; ++x, out += channels) {
        const eq_pool_range columns = eq_pool_columns(&d->shape, x);
        const float *pixel = first + (ptrdiff_t)columns.first * channels;
        c.pixels = columns.count;
        for (int32_t i = 0; i < channels; i += BLOCK) {
            take_root(&c, pixel + i, channels - i < BLOCK ? channels - i : BLOCK, out + i);
        }
    }
}

/* One row of outputs, from the windows' rows. Those that the image's edges do not cut are done at once. */
static void run_largest(const step_data *d, const float *first, eq_windows_f32 windows, float *out) {
    const int32_t width = d->shape.window.out_width, whole = d->shape.window.width;
    windows.step = (ptrdiff_t)d->shape.window.stride_x * windows.channels;
    for (int32_t x = 0; x < width; x += windows.pixels, out += (ptrdiff_t)windows.pixels * windows.channels) {
        const eq_pool_range columns = eq_pool_columns(&d->shape, x);
        windows.columns = columns.count;
        windows.pixels = 1;
        while (columns.count == whole && x + windows.pixels < width &&
               eq_pool_columns(&d->shape, x + windows.pixels).count == whole) {
            ++windows.pixels;
        }
        d->kernels->largest_f32(&windows, first + (ptrdiff_t)columns.first * windows.channels, out);
    }
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    (void)scratch;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    for (int32_t unit = first; unit < last; ++unit) {
        const void *from;
        eq_pool_range rows;
        float *const to = eq_pool_row(&d->shape, in, out, unit, &from, &rows);
        const covered c = {.rows = rows.count, .row = in->row_stride / (ptrdiff_t)sizeof(float), .pixel = d->shape.channels};
        if (d->code == EQ_OP_MAX_POOL_2D) {
            run_largest(d, from, (eq_windows_f32){.rows = c.rows, .channels = d->shape.channels, .row = c.row}, to);
        } else {
            run_roots(d, from, c, to);
        }
        if (d->min > -INFINITY || d->max < INFINITY) {
            clamp(d, d->shape.window.out_width * d->shape.channels, to);
        }
    }
}

eq_status eq_prepare_pool_f32(eq_plan *plan, const eq_operator *op) {
    step_data d = {.kernels = plan->kernels, .code = op->code};
    const eq_status status = eq_pool_read_f32(plan, op, &d.shape, &d.min, &d.max);
    if (status != EQ_OK) {
        return status;
    }
    if ((int64_t)d.shape.height * d.shape.width > INT32_MAX) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its image has 2^31 pixels or more");
    }
    eq_step *step = eq_pool_step(plan, op, &d.shape, run, sizeof d);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = d;
    return EQ_OK;
}

EQ_OPERATOR(L2_POOL_2D, eq_prepare_pool_f32, FLOAT32);
EQ_OPERATOR(MAX_POOL_2D, eq_prepare_pool_f32, FLOAT32);
