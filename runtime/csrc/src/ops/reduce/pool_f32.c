/* MAX_POOL_2D and L2_POOL_2D of floats, by plain additions in one order: the same bits everywhere. Each row of a window is summed for
 * itself, then the rows: one sum over all of a large image would lose three digits more. */
#include <math.h>
#include <string.h>

#include "plan/operator.h"
#include "pool.h"

typedef struct step_data {
    eq_pool_shape shape;
    int32_t code; /* EQ_OP_... */
    float min, max;
} step_data;

/* out[c] op= in[c] */
static void take_pixel(int32_t code, const float *in, int32_t channels, float *out) {
    for (int32_t c = 0; code == EQ_OP_L2_POOL_2D && c < channels; ++c) {
        out[c] += in[c] * in[c];
    }
    for (int32_t c = 0; code == EQ_OP_MAX_POOL_2D && c < channels; ++c) {
        out[c] = in[c] > out[c] ? in[c] : out[c];
    }
}

/* out[c] op= the row's own result */
static void take_row(int32_t code, const float *row, int32_t channels, float *out) {
    for (int32_t c = 0; c < channels; ++c) {
        out[c] = code != EQ_OP_MAX_POOL_2D ? out[c] + row[c] : row[c] > out[c] ? row[c] : out[c];
    }
}

static void start(int32_t code, int32_t channels, float *out) {
    for (int32_t c = 0; c < channels; ++c) {
        out[c] = code == EQ_OP_MAX_POOL_2D ? -INFINITY : 0.0f;
    }
}

static void finish(const step_data *d, int32_t count, float *out) {
    const float part = 1.0f / (float)count;
    for (int32_t c = 0; c < d->shape.channels; ++c) {
        float x = out[c];
        x = d->code == EQ_OP_L2_POOL_2D ? sqrtf(x * part) : x;
        x = x < d->min ? d->min : x;
        out[c] = x > d->max ? d->max : x;
    }
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    const int32_t channels = d->shape.channels;
    float *row = scratch;
    for (int32_t unit = first; unit < last; ++unit) {
        const void *from;
        eq_pool_range rows;
        float *to = eq_pool_row(&d->shape, in, out, unit, &from, &rows);
        for (int32_t x = 0; x < d->shape.window.out_width; ++x, to += channels) {
            const eq_pool_range c = eq_pool_columns(&d->shape, x);
            start(d->code, channels, to);
            for (int32_t y = 0; y < rows.count; ++y) {
                const float *pixel = (const float *)(const void *)((const uint8_t *)from + y * in->row_stride);
                pixel += (ptrdiff_t)c.first * channels;
                start(d->code, channels, row);
                for (int32_t i = 0; i < c.count; ++i, pixel += channels) {
                    take_pixel(d->code, pixel, channels, row);
                }
                take_row(d->code, row, channels, to);
            }
            finish(d, rows.count * c.count, to);
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
    step->scratch = (size_t)d.shape.channels * sizeof(float);
    return EQ_OK;
}

EQ_OPERATOR(L2_POOL_2D, eq_prepare_pool_f32, FLOAT32);
EQ_OPERATOR(MAX_POOL_2D, eq_prepare_pool_f32, FLOAT32);
