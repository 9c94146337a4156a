/* MAX_POOL_2D and L2_POOL_2D of floats, by plain additions in one order: the same bits everywhere. Each row of a window is summed for
 * itself, then the rows: one sum over all of a large image would lose three digits more. */
#include <math.h>
#include <string.h>

#include "plan/operator.h"
#include "pool.h"

enum { BLOCK = 16 }; /* channels whose results stay in registers */

typedef struct step_data {
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

static inline float larger(float a, float b) {
    return b > a ? b : a;
}

/* out[i] = the larger one; of 0 and -0 that of a, and no NaN of b. */
static void take_larger(const float *a, const float *b, size_t n, float *restrict out) {
    for (size_t i = 0; i < n; ++i) {
        out[i] = larger(a[i], b[i]);
    }
}

/* The same with what is there for a. */
static void keep_larger(const float *restrict b, size_t n, float *restrict out) {
    for (size_t i = 0; i < n; ++i) {
        out[i] = larger(out[i], b[i]);
    }
}

/* First the largest of each column, then of neighbouring columns. A NaN is as -infinity. */
static void run_largest(const step_data *d, const float *first, covered c, float *restrict tallest, float *out) {
    const int32_t channels = d->shape.channels;
    const size_t pixel = (size_t)channels, row = (size_t)d->shape.width * pixel;
    const float *second = c.rows > 1 ? first + c.row : first;
    for (size_t i = 0; i < row; ++i) {
        tallest[i] = larger(larger(-INFINITY, first[i]), second[i]);
    }
    for (int32_t y = 2; y < c.rows; ++y) {
        keep_larger(first + y * c.row, row, tallest);
    }
    for (int32_t x = 0; x < d->shape.window.out_width; ++x, out += channels) {
        const eq_pool_range columns = eq_pool_columns(&d->shape, x);
        const float *from = tallest + (ptrdiff_t)columns.first * channels;
        take_larger(from, columns.count > 1 ? from + channels : from, pixel, out);
        for (int32_t i = 2; i < columns.count; ++i) {
            keep_larger(from + (ptrdiff_t)i * channels, pixel, out);
        }
    }
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    for (int32_t unit = first; unit < last; ++unit) {
        const void *from;
        eq_pool_range rows;
        float *const to = eq_pool_row(&d->shape, in, out, unit, &from, &rows);
        const covered c = {.rows = rows.count, .row = in->row_stride / (ptrdiff_t)sizeof(float), .pixel = d->shape.channels};
        if (d->code == EQ_OP_MAX_POOL_2D) {
            run_largest(d, from, c, scratch, to);
        } else {
            run_roots(d, from, c, to);
        }
        if (d->min > -INFINITY || d->max < INFINITY) {
            clamp(d, d->shape.window.out_width * d->shape.channels, to);
        }
    }
}

eq_status eq_prepare_pool_f32(eq_plan *plan, const eq_operator *op) {
    step_data d = {.code = op->code};
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
    step->scratch = (size_t)d.shape.width * (size_t)d.shape.channels * sizeof(float);
    return EQ_OK;
}

EQ_OPERATOR(L2_POOL_2D, eq_prepare_pool_f32, FLOAT32);
EQ_OPERATOR(MAX_POOL_2D, eq_prepare_pool_f32, FLOAT32);
