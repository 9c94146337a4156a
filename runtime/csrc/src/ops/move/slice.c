/* SLICE and STRIDED_SLICE: every so many elements of each axis. */
#include "ops/arguments.h"
#include "move.h"
#include "plan/operator.h"

/* One axis of the sliced tensor: an axis of the input, or a new one. */
typedef struct span {
    int32_t axis; /* of the input; -1: new */
    int32_t start, stride, count;
    bool drop; /* the output lacks this axis */
} span;

static eq_status add_slice(eq_plan *plan, const eq_operator *op, const span *spans, int32_t span_count) {
    int32_t dims[EQ_MAX_RANK] = {0}, rank = 0;
    for (int32_t i = 0; i < span_count; ++i) {
        if (!spans[i].drop) {
            dims[rank++] = spans[i].count;
        }
    }
    eq_status status = eq_plan_shape(plan, op, 0, rank, dims);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    eq_move move = eq_move_of(in, 0, 0);
    int32_t out_axis = 0;
    for (int32_t i = 0; i < span_count; ++i) {
        const span *s = &spans[i];
        if (s->axis >= 0) {
            move.in = eq_place_sum(move.in, eq_place_along(in, s->axis, s->start));
            if (!s->drop) {
                eq_move_loop_inside(&move, s->count, eq_place_along(in, s->axis, s->stride), eq_place_along(out, out_axis, 1));
            }
        }
        out_axis += !s->drop;
    }
    return eq_move_step(plan, op, &move, 1, op->inputs, op->outputs);
}

eq_status eq_prepare_slice(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    int32_t begins[EQ_MAX_RANK], sizes[EQ_MAX_RANK], begin_count = 0, size_count = 0;
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 1, begins, EQ_MAX_RANK, &begin_count)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 2, sizes, EQ_MAX_RANK, &size_count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (begin_count != in->rank || size_count != in->rank) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a begin and a size for each of %d dimensions", (int)in->rank);
    }
    span spans[EQ_MAX_RANK];
    for (int32_t i = 0; i < in->rank; ++i) {
        const int32_t begin = begins[i], left = begin < 0 || begin > in->dims[i] ? -1 : in->dims[i] - begin;
        const int32_t size = sizes[i] == -1 ? left : sizes[i];
        if (size < 0 || size > left) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "%d elements from %d on do not fit dimension %d of %d", (int)size,
                                (int)begin, (int)i, (int)in->dims[i]);
        }
        spans[i] = (span){.axis = i, .start = begin, .stride = 1, .count = size};
    }
    return add_slice(plan, op, spans, in->rank);
}

/* The bits of the masks belong to the entries of begin, end and strides. */
typedef struct specification {
    int32_t entries;
    int32_t begin[EQ_MAX_RANK], end[EQ_MAX_RANK], stride[EQ_MAX_RANK];
    uint32_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
    bool offset; /* end counts from begin */
} specification;

static eq_status read_specification(eq_plan *plan, const eq_operator *op, specification *spec) {
    int32_t ends = 0, strides = 0;
    eq_status status;
    if ((status = eq_argument_ints(plan, op, 1, spec->begin, EQ_MAX_RANK, &spec->entries)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 2, spec->end, EQ_MAX_RANK, &ends)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 3, spec->stride, EQ_MAX_RANK, &strides)) != EQ_OK) {
        return status;
    }
    if (ends != spec->entries || strides != spec->entries) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs as many ends and strides as begins");
    }
    spec->begin_mask = (uint32_t)eq_option_int(op, 0, 0);
    spec->end_mask = (uint32_t)eq_option_int(op, 1, 0);
    spec->ellipsis_mask = (uint32_t)eq_option_int(op, 2, 0) & ((1u << spec->entries) - 1);
    spec->new_axis_mask = (uint32_t)eq_option_int(op, 3, 0) & ((1u << spec->entries) - 1) & ~spec->ellipsis_mask;
    spec->shrink_axis_mask = (uint32_t)eq_option_int(op, 4, 0);
    spec->offset = eq_option_bool(op, 5, false);
    if (spec->ellipsis_mask & (spec->ellipsis_mask - 1)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has more than one ellipsis");
    }
    return EQ_OK;
}

static int64_t clamp(int64_t value, int64_t min, int64_t max) {
    return value < min ? min : value > max ? max : value;
}

/* What entry `i` takes of an axis of `size` elements. */
static eq_status read_entry(eq_plan *plan, const eq_operator *op, const specification *spec, int32_t i, int32_t size,
                            span *out) {
    const int64_t stride = spec->stride[i];
    const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? size : size - 1;
    int64_t start = clamp(spec->begin[i] < 0 ? (int64_t)spec->begin[i] + size : spec->begin[i], low, high);
    if (spec->begin_mask >> i & 1) {
        start = stride > 0 ? 0 : size - 1;
    }
    int64_t end = spec->end[i] + (spec->offset ? start : 0);
    end = clamp(end < 0 ? end + size : end, low, high);
    if (spec->end_mask >> i & 1) {
        end = stride > 0 ? size : -1;
    }
    out->drop = spec->shrink_axis_mask >> i & 1;
    if (stride == 0 || (out->drop && (stride < 0 || start >= size))) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "entry %d takes nothing of its %d elements", (int)i, (int)size);
    }
    const int64_t count = out->drop    ? 1
                          : stride > 0 ? (end - start + stride - 1) / stride
                                       : (start - end - stride - 1) / -stride;
    out->start = (int32_t)start;
    out->stride = (int32_t)stride;
    out->count = count > 0 ? (int32_t)count : 0;
    return EQ_OK;
}

static span whole(const eq_tensor *in, int32_t axis) {
    return (span){.axis = axis, .stride = 1, .count = in->dims[axis]};
}

eq_status eq_prepare_strided_slice(eq_plan *plan, const eq_operator *op) {
    specification spec = {0};
    eq_status status = eq_plan_arity(plan, op, 4, 4, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK ||
        (status = read_specification(plan, op, &spec)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    int32_t named = 0, made = 0; /* axes of the input that entries name; new axes */
    for (int32_t i = 0; i < spec.entries; ++i) {
        named += !((spec.new_axis_mask | spec.ellipsis_mask) >> i & 1);
        made += spec.new_axis_mask >> i & 1;
    }
    if (named + (spec.ellipsis_mask != 0) > in->rank || in->rank + made > EQ_MAX_RANK) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its %d entries do not fit %d dimensions", (int)spec.entries,
                            (int)in->rank);
    }
    span spans[EQ_MAX_RANK];
    int32_t count = 0, axis = 0;
    for (int32_t i = 0; i < spec.entries; ++i) {
        if (spec.new_axis_mask >> i & 1) {
            spans[count++] = (span){.axis = -1, .stride = 1, .count = 1};
        } else if (spec.ellipsis_mask >> i & 1) {
            for (int32_t end = axis + in->rank - named; axis < end; ++axis) {
                spans[count++] = whole(in, axis);
            }
        } else {
            spans[count].axis = axis;
            if ((status = read_entry(plan, op, &spec, i, in->dims[axis++], &spans[count++])) != EQ_OK) {
                return status;
            }
        }
    }
    for (; axis < in->rank; ++axis) {
        spans[count++] = whole(in, axis);
    }
    return add_slice(plan, op, spans, count);
}

EQ_OPERATOR(STRIDED_SLICE, eq_prepare_strided_slice, ANY);
EQ_OPERATOR(SLICE, eq_prepare_slice, ANY);
