/* SLICE and STRIDED_SLICE: every so many elements of each axis. */
#include "base/built_in.h"
#include "ops/arguments.h"
#include "list.h"
#include "move.h"
#include "plan/operator.h"
#include "slice.h"

static eq_status add_slice(eq_plan *plan, const eq_operator *op, const eq_span *spans, int32_t span_count) {
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
    for (int32_t i = 0; i < span_count; ++i) {
        if (!eq_number_is_known(&spans[i].start)) {
            return EQ_HAS_CONTROL
                       ? eq_slice_computed(plan, op, spans, span_count)
                       : eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                                      "begins where a run computes, which needs a build of the engine with `control`");
        }
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    eq_move move = eq_move_of(in, 0, 0);
    int32_t out_axis = 0;
    for (int32_t i = 0; i < span_count; ++i) {
        const eq_span *s = &spans[i];
        if (s->axis >= 0) {
            move.in = eq_place_sum(move.in, eq_place_along(in, s->axis, (ptrdiff_t)s->start.offset));
            if (!s->drop) {
                eq_move_loop_inside(&move, s->count, eq_place_along(in, s->axis, s->stride), eq_place_along(out, out_axis, 1));
            }
        }
        out_axis += !s->drop;
    }
    return eq_move_step(plan, op, &move, 1, op->inputs, op->outputs);
}

/* What is taken of an axis; fails if that is not in it, or its size is not known. */
static eq_status read_span(eq_plan *plan, const eq_operator *op, int32_t axis, const eq_number *begin, const eq_number *size,
                           eq_span *out) {
    const int32_t all = eq_plan_input(plan, op, 0)->dims[axis];
    const bool is_known = eq_number_is_known(begin);
    const int64_t least = is_known ? begin->offset : 0; /* of a computed one the step looks after */
    const int64_t left = least < 0 || least > all ? -1 : all - least, taken = size->offset == -1 ? left : size->offset;
    if (taken < 0 || taken > left) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "%lld elements from %lld on do not fit dimension %d of %d",
                            (long long)taken, (long long)least, (int)axis, (int)all);
    }
    *out = (eq_span){.axis = axis, .start = *begin, .stride = 1, .count = (int32_t)taken};
    return EQ_OK;
}

/* The part that is taken of the one axis whose `begins` or `sizes` leave open how much it is. */
static eq_status take_part(eq_plan *plan, const eq_operator *op, int32_t axis, const eq_number *begins,
                           const eq_number *sizes) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    eq_part part = {.source = op->inputs[0], .axis = axis, .begin = begins[axis], .end = sizes[axis]};
    bool fits = !in->is_variable;
    for (int32_t i = 0; i < in->rank; ++i) {
        fits =
            fits && (i == axis || (eq_number_is_known(&begins[i]) && begins[i].offset == 0 && eq_number_is_known(&sizes[i]) &&
                                   (sizes[i].offset == -1 || sizes[i].offset == in->dims[i])));
    }
    if (eq_number_is_known(&sizes[axis])) {
        part.end.offset = in->dims[axis];
    } else if (eq_number_is_known(&begins[axis])) {
        part.end.offset += begins[axis].offset;
    } else {
        fits = false;
    }
    if (!EQ_HAS_CONTROL || !fits) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives a tensor whose size is known only during a run");
    }
    return eq_list_part(plan, op, &part);
}

eq_status eq_prepare_slice(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    eq_number begins[EQ_MAX_RANK], sizes[EQ_MAX_RANK];
    int32_t begin_count = 0, size_count = 0;
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_numbers(plan, op, 1, begins, EQ_MAX_RANK, &begin_count)) != EQ_OK ||
        (status = eq_argument_numbers(plan, op, 2, sizes, EQ_MAX_RANK, &size_count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (begin_count != in->rank || size_count != in->rank) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a begin and a size for each of %d dimensions", (int)in->rank);
    }
    eq_span spans[EQ_MAX_RANK];
    for (int32_t i = 0; i < in->rank; ++i) {
        const bool has_size = eq_number_is_known(&sizes[i]);
        if (!has_size || (sizes[i].offset == -1 && !eq_number_is_known(&begins[i]))) {
            return take_part(plan, op, i, begins, sizes);
        }
        if ((status = read_span(plan, op, i, &begins[i], &sizes[i], &spans[i])) != EQ_OK) {
            return status;
        }
    }
    return add_slice(plan, op, spans, in->rank);
}

/* The bits of the masks belong to the entries of begin, end and strides. */
typedef struct specification {
    int32_t entries;
    eq_number begin[EQ_MAX_RANK], end[EQ_MAX_RANK];
    int32_t stride[EQ_MAX_RANK];
    uint32_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
    bool offset; /* end counts from begin */
} specification;

static eq_status read_specification(eq_plan *plan, const eq_operator *op, specification *spec) {
    int32_t ends = 0, strides = 0;
    eq_status status;
    if ((status = eq_argument_numbers(plan, op, 1, spec->begin, EQ_MAX_RANK, &spec->entries)) != EQ_OK ||
        (status = eq_argument_numbers(plan, op, 2, spec->end, EQ_MAX_RANK, &ends)) != EQ_OK ||
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

/* The same from a place that the run computes: how much is known if one element is taken, or the end is as far on. */
static eq_status read_computed(eq_plan *plan, const eq_operator *op, const specification *spec, int32_t i, int32_t size,
                               eq_span *out) {
    const eq_number *begin = &spec->begin[i], *end = &spec->end[i];
    const int64_t stride = spec->stride[i];
    const bool is_beside = spec->offset ? eq_number_is_known(end) : eq_number_is_beside(begin, end);
    const int64_t way = end->offset - (spec->offset ? 0 : begin->offset);
    out->drop = spec->shrink_axis_mask >> i & 1;
    if (stride <= 0 || (!out->drop && (spec->end_mask >> i & 1 || !is_beside || way <= 0))) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives a tensor whose size is known only during a run");
    }
    const int64_t count = out->drop ? 1 : (way + stride - 1) / stride;
    if ((count - 1) * stride >= size) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes more than there is of its %d elements", (int)size);
    }
    out->start = *begin;
    out->stride = (int32_t)stride;
    out->count = (int32_t)count;
    out->from_end = out->drop;
    return EQ_OK;
}

/* What entry `i` takes of an axis of `size` elements. */
static eq_status read_entry(eq_plan *plan, const eq_operator *op, const specification *spec, int32_t i, int32_t size,
                            eq_span *out) {
    const bool from_first = spec->begin_mask >> i & 1, to_last = spec->end_mask >> i & 1;
    const bool drops = spec->shrink_axis_mask >> i & 1;
    if (!from_first && !eq_number_is_known(&spec->begin[i])) {
        return read_computed(plan, op, spec, i, size, out);
    }
    if (!to_last && !drops && !eq_number_is_known(&spec->end[i])) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives a tensor whose size is known only during a run");
    }
    const int64_t stride = spec->stride[i], begin = spec->begin[i].offset;
    const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? size : size - 1;
    int64_t start = clamp(begin < 0 ? begin + size : begin, low, high);
    if (from_first) {
        start = stride > 0 ? 0 : size - 1;
    }
    int64_t end = spec->end[i].offset + (spec->offset ? start : 0);
    end = clamp(end < 0 ? end + size : end, low, high);
    if (to_last) {
        end = stride > 0 ? size : -1;
    }
    out->drop = drops;
    if (stride == 0 || (out->drop && (stride < 0 || start >= size))) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "entry %d takes nothing of its %d elements", (int)i, (int)size);
    }
    const int64_t count = out->drop    ? 1
                          : stride > 0 ? (end - start + stride - 1) / stride
                                       : (start - end - stride - 1) / -stride;
    out->start = (eq_number){.tensor = -1, .offset = start};
    out->stride = (int32_t)stride;
    out->count = count > 0 ? (int32_t)count : 0;
    return EQ_OK;
}

static eq_span whole(const eq_tensor *in, int32_t axis) {
    return (eq_span){.axis = axis, .start.tensor = -1, .stride = 1, .count = in->dims[axis]};
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
    eq_span spans[EQ_MAX_RANK];
    int32_t count = 0, axis = 0;
    for (int32_t i = 0; i < spec.entries; ++i) {
        if (spec.new_axis_mask >> i & 1) {
            spans[count++] = (eq_span){.axis = -1, .start.tensor = -1, .stride = 1, .count = 1};
        } else if (spec.ellipsis_mask >> i & 1) {
            for (int32_t end = axis + in->rank - named; axis < end; ++axis) {
                spans[count++] = whole(in, axis);
            }
        } else {
            spans[count] = (eq_span){.axis = axis};
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
EQ_OPERATOR_NOTE(STRIDED_SLICE, "computed begins, if one element is taken or the end is a constant further; constant strides");
EQ_OPERATOR_NOTE(SLICE, "computed begins; computed sizes of parts between which CONCATENATION puts an element");
