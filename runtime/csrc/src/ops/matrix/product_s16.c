#include "product_s16.h"

#include <string.h>

#include "base/memory.h"
#include "ops/quantization.h"
#include "requantize_s16.h"

enum {
    LANES = 8,     /* columns that are computed together: inner loops of so many turn into vector code */
    PRODUCTS = 504 /* that an int32 holds the sum of: 504 * 2^15 * 2^7 < 2^31 */
};

typedef struct column {
    eq_rounding_s16 rounding;
    int64_t bias;
    eq_fixed fixed;
    double real;
} column;

typedef struct step_data {
    eq_product_s16 p;
    bool lanewise;         /* a column for each input channel: neighbours in the input, not repeats of a value */
    int32_t blocks;        /* of LANES columns, in a group */
    const int16_t *packed; /* (groups, blocks, height, width, group_channels, LANES) */
    const column *columns; /* (out_channels) */
    int32_t min, max;
} step_data;

typedef struct sums {
    int64_t total[LANES];
    int32_t part[LANES], room; /* products that `part` still takes */
} sums;

static void flush(sums *s) {
    for (int32_t l = 0; l < LANES; ++l) {
        s->total[l] += s->part[l];
        s->part[l] = 0;
    }
    s->room = PRODUCTS;
}

/* n values of the input, each times LANES weights. */
static void add_values(sums *s, const int16_t *restrict in, const int16_t *restrict weights, int32_t n) {
    while (n > 0) {
        const int32_t count = n < s->room ? n : s->room;
        int32_t part[LANES];
        memcpy(part, s->part, sizeof part);
        for (int32_t k = 0; k < count; ++k, weights += LANES) {
            const int32_t value = in[k];
            for (int32_t l = 0; l < LANES; ++l) {
                part[l] += value * weights[l];
            }
        }
        memcpy(s->part, part, sizeof part);
        in += count;
        n -= count;
        s->room -= count;
        if (s->room == 0) {
            flush(s);
        }
    }
}

/* `n` values, LANES at most, each times its own weight. */
static void add_lanes(sums *s, const int16_t *in, const int16_t *restrict weights, int32_t n) {
    int16_t values[LANES] = {0};
    memcpy(values, in, (size_t)(n < LANES ? n : LANES) * sizeof *values);
    for (int32_t l = 0; l < LANES; ++l) {
        s->part[l] += (int32_t)values[l] * weights[l];
    }
    if (--s->room == 0) {
        flush(s);
    }
}

/* The taps from first to last - 1 that meet a pixel of `size`, of those at origin + tap * dilation. */
static void clip(int64_t origin, int32_t dilation, int32_t taps, int32_t size, int32_t *first, int32_t *last) {
    const int64_t begin = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
    const int64_t end = origin < size ? (size - origin + dilation - 1) / dilation : 0;
    *first = (int32_t)(begin < taps ? begin : taps);
    *last = (int32_t)(end < taps ? end : taps);
}

/* The sums of `columns` columns at output pixel (y, x). `in` is the image from the group's (lanewise: the block's) first channel on. */
static void add_window(const step_data *d, const int16_t *in, const int16_t *weights, int32_t y, int32_t x, int32_t columns,
                       sums *s) {
    const eq_product_s16 *p = &d->p;
    const eq_window *w = &p->window;
    const int64_t top = (int64_t)y * w->stride_y - w->pad.top, left = (int64_t)x * w->stride_x - w->pad.left;
    const ptrdiff_t tap = (ptrdiff_t)(d->lanewise ? 1 : p->group_channels) * LANES;
    const bool adjacent = w->dilation_x == 1 && p->group_channels == p->in_channels && !d->lanewise;
    int32_t i, last_i, first_j, last_j;
    clip(left, w->dilation_x, w->width, p->in_width, &first_j, &last_j);
    for (clip(top, w->dilation_y, w->height, p->in_height, &i, &last_i); i < last_i; ++i) {
        const int16_t *row = in + (top + (int64_t)i * w->dilation_y) * p->in_width * p->in_channels;
        const int16_t *row_weights = weights + (ptrdiff_t)i * w->width * tap;
        if (adjacent && first_j < last_j) {
            add_values(s, row + (left + first_j) * p->in_channels, row_weights + first_j * tap,
                       (last_j - first_j) * p->in_channels);
            continue;
        }
        for (int32_t j = first_j; j < last_j; ++j) {
            const int16_t *pixel = row + (left + (int64_t)j * w->dilation_x) * p->in_channels;
            if (d->lanewise) {
                add_lanes(s, pixel, row_weights + j * tap, columns);
            } else {
                add_values(s, pixel, row_weights + j * tap, p->group_channels);
            }
        }
    }
}

static int32_t requantize(int64_t sum, const column *c) {
    switch (c->rounding) {
    case EQ_SIXTEEN_BITS:
        return eq_multiply_by_sixteen_bits(sum, c->fixed);
    case EQ_TWICE_TIES_UP:
        return eq_fixed_multiply_ties_up((int32_t)(uint32_t)(uint64_t)sum, c->fixed);
    case EQ_TWICE_TIES_OUT:
        return eq_fixed_multiply((int32_t)(uint32_t)(uint64_t)sum, c->fixed);
    default:
        return eq_multiply_in_double(sum, c->real);
    }
}

/* One block of columns in one output row. */
static void run_block(const step_data *d, const int16_t *image, int32_t y, int32_t group, int32_t block, int16_t *out) {
    const eq_product_s16 *p = &d->p;
    const int32_t block_first = block * LANES, first = group * p->group_columns + block_first;
    const int32_t left = p->group_columns - block_first, columns = left < LANES ? left : LANES;
    const ptrdiff_t block_weights =
        (ptrdiff_t)p->window.height * p->window.width * (d->lanewise ? 1 : p->group_channels) * LANES;
    const int16_t *weights = d->packed + ((ptrdiff_t)group * d->blocks + block) * block_weights;
    const int16_t *in = image + (d->lanewise ? first : (ptrdiff_t)group * p->group_channels);
    for (int32_t x = 0; x < p->window.out_width; ++x, out += p->out_channels) {
        sums s = {.room = PRODUCTS};
        add_window(d, in, weights, y, x, columns, &s);
        flush(&s);
        for (int32_t l = 0; l < columns; ++l) {
            const column *c = &d->columns[first + l];
            out[first + l] = (int16_t)eq_clamp(requantize(s.total[l] + c->bias, c), d->min, d->max);
        }
    }
}

/* A unit is an output row of a group's block. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const step_data *d = step->data;
    const eq_product_s16 *p = &d->p;
    const eq_window *w = &p->window;
    const ptrdiff_t in_image = (ptrdiff_t)p->in_height * p->in_width * p->in_channels;
    const int32_t blocks = p->out_channels / p->group_columns * d->blocks;
    (void)scratch;
    for (int32_t unit = first; unit < last; ++unit) {
        const int32_t row = unit / blocks, block = unit % blocks;
        const int16_t *image = (const int16_t *)storage[step->inputs[0].tensor].data + row / w->out_height * in_image;
        int16_t *out = (int16_t *)storage[step->outputs[0].tensor].data + (ptrdiff_t)row * w->out_width * p->out_channels;
        run_block(d, image, row % w->out_height, block / d->blocks, block % d->blocks, out);
    }
}

/* ---- preparing ---- */

static eq_status check_zero_points(eq_plan *plan, const eq_operator *op, const eq_tensor *input, const eq_tensor *weights,
                                   const eq_tensor *output) {
    bool zero = input->zero_points[0] == 0 && output->zero_points[0] == 0;
    for (int32_t i = 0; i < weights->scale_count; ++i) {
        zero = zero && weights->zero_points[i] == 0;
    }
    return zero ? EQ_OK : eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "zero points must be 0 where the input is int16");
}

static eq_status check(eq_plan *plan, const eq_operator *op, const eq_product_s16 *p) {
    const eq_tensor *input = &plan->tensors[p->in_tensor].tensor, *output = &plan->tensors[p->out_tensor].tensor;
    const eq_tensor *weights = p->weights, *bias = p->bias;
    eq_status status = eq_check_int16(plan, op, input, "the input");
    if (status == EQ_OK) {
        status = eq_check_int16(plan, op, output, "the output");
    }
    if (status != EQ_OK) {
        return status;
    }
    if (weights->type != EQ_INT8 || !weights->data || (bias && !bias->data)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "weights must be int8 here, and like the bias constant");
    }
    if (weights->scale_count != 1 && (weights->scale_count != p->out_channels || weights->channel_axis != p->channel_axis)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the weights have %d scales for %d output channels",
                            (int)weights->scale_count, (int)p->out_channels);
    }
    if (bias && bias->type != EQ_INT32 && bias->type != EQ_INT64) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the bias must be int64 or int32 here");
    }
    if (bias && eq_tensor_elements(bias) != p->out_channels) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the bias has %lld values for %d output channels",
                            (long long)eq_tensor_elements(bias), (int)p->out_channels);
    }
    return check_zero_points(plan, op, input, weights, output);
}

static eq_rounding_s16 column_rounding(const eq_product_s16 *p, int32_t n) {
    if (p->rounding != EQ_TWICE_BY_EIGHT) {
        return p->rounding;
    }
    return n < p->out_channels - p->out_channels % 8 ? EQ_TWICE_TIES_UP : EQ_TWICE_TIES_OUT;
}

static eq_status fill_columns(eq_plan *plan, const eq_operator *op, const eq_product_s16 *p, column *columns) {
    const float in_scale = plan->tensors[p->in_tensor].tensor.scales[0];
    const float out_scale = plan->tensors[p->out_tensor].tensor.scales[0];
    for (int32_t n = 0; n < p->out_channels; ++n) {
        const float scale = p->weights->scales[p->weights->scale_count == 1 ? 0 : n];
        const double product = p->float_scales ? (double)(in_scale * scale) : (double)in_scale * (double)scale;
        columns[n].rounding = column_rounding(p, n);
        columns[n].real = product / (double)out_scale;
        columns[n].fixed = eq_fixed_from(columns[n].real);
        if (columns[n].fixed.shift > 14) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the scales' quotient is more than 2^14");
        }
        if (p->bias) {
            columns[n].bias =
                p->bias->type == EQ_INT64 ? ((const int64_t *)p->bias->data)[n] : ((const int32_t *)p->bias->data)[n];
        }
    }
    return EQ_OK;
}

static void pack(const void *arguments, void *packed) {
    const step_data *d = arguments;
    const eq_product_s16 *p = &d->p;
    const int32_t taps = p->window.height * p->window.width, groups = p->out_channels / p->group_columns;
    const int32_t channels = d->lanewise ? 1 : p->group_channels;
    int16_t *to = packed;
    for (int32_t unit = 0; unit < groups * d->blocks; ++unit) {
        const int32_t first = unit % d->blocks * LANES; /* of the group's columns */
        const int8_t *from =
            (const int8_t *)p->weights->data + (unit / d->blocks * (ptrdiff_t)p->group_columns + first) * p->weight_column;
        for (int32_t tap = 0; tap < taps; ++tap) {
            for (int32_t c = 0; c < channels; ++c, to += LANES) {
                for (int32_t l = 0; l < LANES && first + l < p->group_columns; ++l) {
                    to[l] = from[l * p->weight_column + tap * p->weight_tap + c * p->weight_channel];
                }
            }
        }
    }
}

static size_t packed_bytes(const step_data *d) {
    const eq_product_s16 *p = &d->p;
    size_t values = eq_size_times((size_t)(p->out_channels / p->group_columns), (size_t)d->blocks * LANES);
    values = eq_size_times(values, (size_t)p->window.height * (size_t)p->window.width);
    values = eq_size_times(values, (size_t)(d->lanewise ? 1 : p->group_channels));
    return eq_size_times(values, sizeof(int16_t));
}

eq_status eq_product_s16_plan(eq_plan *plan, const eq_operator *op, const eq_product_s16 *p) {
    step_data d = {.p = *p};
    column *columns = eq_plan_take(plan, eq_size_times((size_t)p->out_channels, sizeof *columns));
    eq_status status = columns ? check(plan, op, p) : (eq_status)plan->error->status;
    if (status == EQ_OK) {
        status = fill_columns(plan, op, p, columns);
    }
    if (status == EQ_OK) {
        status = eq_activation_range_litert(plan, op, p->activation, &plan->tensors[p->out_tensor].tensor, &d.min, &d.max);
    }
    if (status != EQ_OK) {
        return status;
    }
    d.columns = columns;
    if (p->group_channels == 1 && p->group_columns == 1 && p->in_channels > 1) { /* one group of lanes */
        d.lanewise = true;
        d.p.group_columns = d.p.group_channels = p->in_channels;
    }
    d.blocks = (d.p.group_columns - 1) / LANES + 1;
    const int64_t rows = (int64_t)p->batch * p->window.out_height;
    const int64_t units = rows * (p->out_channels / d.p.group_columns) * d.blocks;
    d.packed = units <= INT32_MAX ? eq_plan_packed(plan, op, packed_bytes(&d), pack, &d) : NULL;
    if (!d.packed) {
        return units <= INT32_MAX ? (eq_status)plan->error->status
                                  : eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "is too large");
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof d, 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(step_data *)step->data = d;
    step->units = (int32_t)units;
    step->inputs[0].tensor = p->in_tensor;
    step->outputs[0].tensor = p->out_tensor;
    step->macs = (uint64_t)eq_tensor_elements(&plan->tensors[p->out_tensor].tensor) * (uint64_t)p->window.height *
                 (uint64_t)p->window.width * (uint64_t)p->group_channels;
    step->cost = step->macs;
    step->floats = true;
    return EQ_OK;
}
