/* Pooling of int16, in LiteRT's arithmetic: no rescaling, averages rounded half away from zero. */
#include "arithmetic/arithmetic.h"
#include "ops/quantization.h"
#include "plan/operator.h"
#include "pool.h"

typedef struct step_data {
    eq_pool_shape shape;
    bool average;
    int32_t min, max;
} step_data;

/* sums[c] op= in[c] */
static void take_pixel(bool average, const int16_t *in, int32_t channels, int32_t *sums) {
    for (int32_t c = 0; average && c < channels; ++c) {
        sums[c] += in[c];
    }
    for (int32_t c = 0; !average && c < channels; ++c) {
        sums[c] = in[c] > sums[c] ? in[c] : sums[c];
    }
}

static int32_t rounded_quotient(int32_t sum, int32_t count) {
    const int64_t half = count / 2; /* |sum| may be 2^30 */
    return (int32_t)((sum > 0 ? sum + half : sum - half) / count);
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_storage *in = &storage[step->inputs[0].tensor], *out = &storage[step->outputs[0].tensor];
    const int32_t channels = d->shape.channels;
    int32_t *const sums = scratch; /* (channels) */
    for (int32_t unit = first; unit < last; ++unit) {
        const void *from;
        eq_pool_range rows;
        int16_t *to = eq_pool_row(&d->shape, in, out, unit, &from, &rows);
        for (int32_t x = 0; x < d->shape.window.out_width; ++x, to += channels) {
            const eq_pool_range c = eq_pool_columns(&d->shape, x);
            for (int32_t i = 0; i < channels; ++i) {
                sums[i] = d->average ? 0 : INT16_MIN;
            }
            for (int32_t y = 0; y < rows.count; ++y) {
                const int16_t *pixel = (const int16_t *)(const void *)((const uint8_t *)from + y * in->row_stride);
                pixel += (ptrdiff_t)c.first * channels;
                for (int32_t i = 0; i < c.count; ++i, pixel += channels) {
                    take_pixel(d->average, pixel, channels, sums);
                }
            }
            for (int32_t i = 0; i < channels; ++i) {
                const int32_t value = d->average ? rounded_quotient(sums[i], rows.count * c.count) : sums[i];
                to[i] = (int16_t)eq_clamp(value, d->min, d->max);
            }
        }
    }
}

eq_status eq_prepare_pool_s16(eq_plan *plan, const eq_operator *op) {
    step_data d = {.average = op->code == EQ_OP_AVERAGE_POOL_2D};
    int32_t activation;
    eq_status status = eq_pool_read(plan, op, &d.shape, &activation);
    if (status == EQ_OK) {
        status = eq_check_int16(plan, op, eq_plan_input(plan, op, 0), "its input");
    }
    if (status == EQ_OK) {
        status = eq_check_int16(plan, op, eq_plan_output(plan, op, 0), "its output");
    }
    if (status == EQ_OK) {
        status = eq_activation_range_litert(plan, op, activation, eq_plan_output(plan, op, 0), &d.min, &d.max);
    }
    if (status != EQ_OK) {
        return status;
    }
    if (d.average && (int64_t)d.shape.height * d.shape.width > 1 << 15) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its image has more than 2^15 pixels");
    }
    eq_step *step = eq_pool_step(plan, op, &d.shape, run, sizeof d);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = d;
    step->scratch = (size_t)d.shape.channels * sizeof(int32_t);
    return EQ_OK;
}

EQ_OPERATOR(AVERAGE_POOL_2D, eq_prepare_pool_s16, INT16);
EQ_OPERATOR(MAX_POOL_2D, eq_prepare_pool_s16, INT16);
