/* MEAN, SUM, REDUCE_MAX and REDUCE_MIN of int8, and what all reductions have in common: over any axes. */
#include "reduce.h"

#include <math.h>
#include <string.h>

#include "ops/arguments.h"
#include "plan/operator.h"
#include "ops/quantization.h"

/* ---- the step: a unit is one result of `channels` values ---- */

typedef struct loop { /* whose step is known */
    int32_t count;
    ptrdiff_t step;
} loop;

static ptrdiff_t offset(eq_place place, const eq_storage *storage) {
    return place.images * storage->image_stride + place.rows * storage->row_stride + place.bytes;
}

/* The reduced loops, with neighbours that are one in this memory made one. Returns how many. */
static int32_t join_loops(const eq_reduce *r, const eq_storage *in, loop *loops) {
    int32_t count = 0;
    for (int32_t i = 0; i < r->reduced_count; ++i) {
        const loop inner = {r->reduced[i].count, offset(r->reduced[i].step, in)};
        if (count > 0 && loops[count - 1].step == inner.step * inner.count) {
            loops[count - 1] = (loop){loops[count - 1].count * inner.count, inner.step};
        } else {
            loops[count++] = inner;
        }
    }
    return count;
}

static void add_all(const eq_reduce *r, const loop *loops, int32_t count, const uint8_t *in, void *accumulators) {
    if (count == 1) {
        r->reduction->add(r, in, loops->step, loops->count, accumulators);
        return;
    }
    for (int32_t i = 0; i < loops->count; ++i, in += loops->step) {
        add_all(r, loops + 1, count - 1, in, accumulators);
    }
}

static void run_reduce(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_reduce *r = step->data;
    const eq_storage *in = &storage[step->inputs[0].tensor];
    uint8_t *out = storage[step->outputs[0].tensor].data;
    loop loops[EQ_MAX_RANK];
    const int32_t count = join_loops(r, in, loops);
    const size_t bytes = (size_t)r->channels * r->element;
    for (int32_t unit = first; unit < last; ++unit) {
        const uint8_t *from = in->data;
        for (int32_t i = r->kept_count - 1, rest = unit; i >= 0; --i) {
            from += rest % r->kept[i].count * offset(r->kept[i].step, in);
            rest /= r->kept[i].count;
        }
        r->reduction->start(r, scratch);
        add_all(r, loops, count, from, scratch);
        r->reduction->finish(r, scratch, out + (size_t)unit * bytes);
    }
}

/* ---- the operators ---- */

/* Which axes go, as bits. */
static eq_status read_axes(eq_plan *plan, const eq_operator *op, uint32_t *reduced) {
    int32_t axes[2 * EQ_MAX_RANK], count = 0;
    eq_status status = eq_argument_ints(plan, op, 1, axes, 2 * EQ_MAX_RANK, &count);
    *reduced = 0;
    for (int32_t i = 0; status == EQ_OK && i < count; ++i) {
        status = eq_argument_axis(plan, op, axes[i], eq_plan_input(plan, op, 0)->rank, &axes[i]);
        *reduced |= status == EQ_OK ? 1u << axes[i] : 0;
    }
    return status;
}

static eq_status set_shape(eq_plan *plan, const eq_operator *op, uint32_t reduced) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const bool keep = eq_option_bool(op, 0, false);
    int32_t dims[EQ_MAX_RANK], rank = 0;
    for (int32_t i = 0; i < in->rank; ++i) {
        if (!(reduced >> i & 1)) {
            dims[rank++] = in->dims[i];
        } else if (keep) {
            dims[rank++] = 1;
        }
    }
    return eq_plan_shape(plan, op, 0, rank, dims);
}

/* The axes that are kept behind the last reduced one are the channels, if they are adjacent; the others are loops. */
static void plan_loops(eq_reduce *r, const eq_tensor *in, uint32_t reduced) {
    const int32_t adjacent_from = eq_is_image(in) ? 2 : 0;
    int32_t channels_from = in->rank;
    r->channels = 1;
    r->elements = 1;
    while (channels_from > adjacent_from && !(reduced >> (channels_from - 1) & 1)) {
        r->channels *= in->dims[--channels_from];
    }
    for (int32_t i = 0; i < channels_from; ++i) {
        const eq_reduce_loop loop = {.count = in->dims[i], .step = eq_place_along(in, i, 1)};
        if (!(reduced >> i & 1)) {
            r->kept[r->kept_count++] = loop;
        } else {
            r->reduced[r->reduced_count++] = loop;
            r->elements *= loop.count;
        }
    }
    if (r->reduced_count == 0) {
        r->reduced[r->reduced_count++] = (eq_reduce_loop){.count = 1};
    }
}

/* XNNPACK's: out = round(sum * scale + offset); each operation is rounded to float. */
static eq_status plan_scale(eq_plan *plan, const eq_operator *op, eq_reduce *r) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    eq_status status;
    if ((status = eq_check_int8(plan, op, in, "its input")) != EQ_OK ||
        (status = eq_check_int8(plan, op, out, "its output")) != EQ_OK) {
        return status;
    }
    const int32_t shift = in->file_type == EQ_UINT8 ? 128 : 0;
    if (r->elements > 1 << 23) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "sums of more than 2^23 values are not supported");
    }
    r->reduction = shift > 0 ? &eq_reduce_uint8_scaled : &eq_reduce_int8_scaled;
    r->scale = in->scales[0] / out->scales[0];
    if (op->code == EQ_OP_MEAN) {
        r->scale *= 1.0f / (float)r->elements;
    }
    const float zero = (float)((in->zero_points[0] + shift) * (int32_t)r->elements) * r->scale;
    r->offset = (float)(out->zero_points[0] + shift) - zero;
    if (!isfinite(r->scale) || !isfinite(r->offset)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its scales are too far apart");
    }
    return EQ_OK;
}

static eq_status choose_s8(eq_plan *plan, const eq_operator *op, eq_reduce *r) {
    if (op->code == EQ_OP_MEAN || op->code == EQ_OP_SUM) {
        return plan_scale(plan, op, r);
    }
    r->reduction = op->code == EQ_OP_REDUCE_MAX ? &eq_reduce_int8_max : &eq_reduce_int8_min;
    return EQ_OK;
}

eq_status eq_reduce_operator(eq_plan *plan, const eq_operator *op, eq_reduction_rule choose) {
    uint32_t reduced = 0;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = read_axes(plan, op, &reduced)) != EQ_OK || (status = set_shape(plan, op, reduced)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    eq_step *step = eq_plan_step(plan, op, run_reduce, sizeof(eq_reduce), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_reduce *r = step->data;
    r->kernels = plan->kernels;
    r->element = (size_t)eq_type_size(in->type);
    plan_loops(r, in, reduced);
    if ((status = choose(plan, op, r)) != EQ_OK) {
        return status;
    }
    step->inputs[0] = (eq_use){.tensor = op->inputs[0], .rows = eq_is_image(in)};
    step->outputs[0].tensor = op->outputs[0];
    step->units = (int32_t)(eq_tensor_elements(eq_plan_output(plan, op, 0)) / r->channels);
    step->cost = (uint64_t)eq_tensor_elements(in) / 4;
    step->floats = in->type == EQ_FLOAT32;
    step->scratch = ((size_t)r->channels + EQ_SLACK) * r->reduction->accumulator;
    return EQ_OK;
}

eq_status eq_prepare_reduce_s8(eq_plan *plan, const eq_operator *op) {
    return eq_reduce_operator(plan, op, choose_s8);
}

eq_status eq_reduce_check_fixed(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    const bool narrow = in->type == EQ_INT8;
    eq_status (*check)(eq_plan *, const eq_operator *, const eq_tensor *, const char *) =
        narrow ? eq_check_int8 : eq_check_int16;
    eq_status status;
    if ((status = check(plan, op, in, "its input")) != EQ_OK || (status = check(plan, op, out, "its output")) != EQ_OK) {
        return status;
    }
    if (!narrow && (in->zero_points[0] != 0 || out->zero_points[0] != 0)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes int16 without zero points only");
    }
    return in->file_type != EQ_UINT8 ? EQ_OK : eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take uint8 tensors");
}

EQ_OPERATOR(MEAN, eq_prepare_reduce_s8, INT8);
EQ_OPERATOR(SUM, eq_prepare_reduce_s8, INT8);
EQ_OPERATOR(REDUCE_MAX, eq_prepare_reduce_s8, INT8);
EQ_OPERATOR(REDUCE_MIN, eq_prepare_reduce_s8, INT8);
EQ_OPERATOR_KERNEL(sum_rows, MEAN, SUM);
EQ_OPERATOR_KERNEL(max_rows, REDUCE_MAX);
EQ_OPERATOR_KERNEL(minimum, REDUCE_MIN);
EQ_OPERATOR_NOTE(SUM, "up to 2^23 values a sum");
