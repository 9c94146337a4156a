/* Slices of a known size from a place that the run computes, as loops over a list have them. */
#include <string.h>

#include "ops/arguments.h"
#include "plan/body.h"
#include "slice.h"

eq_status eq_argument_numbers(eq_plan *plan, const eq_operator *op, int32_t slot, eq_number *numbers, int32_t capacity,
                              int32_t *count) {
    const eq_tensor *tensor = eq_plan_input(plan, op, slot);
    if ((tensor->data && !tensor->is_variable) || (tensor->type != EQ_INT32 && tensor->type != EQ_INT64) ||
        eq_tensor_elements(tensor) > capacity) {
        int32_t values[EQ_MAX_RANK];
        eq_status status = eq_argument_ints(plan, op, slot, values, capacity < EQ_MAX_RANK ? capacity : EQ_MAX_RANK, count);
        for (int32_t i = 0; status == EQ_OK && i < *count; ++i) {
            numbers[i] = (eq_number){.tensor = -1, .offset = values[i]};
        }
        return status;
    }
    *count = (int32_t)eq_tensor_elements(tensor);
    for (int32_t i = 0; i < *count; ++i) {
        numbers[i] = eq_number_of(plan, op->inputs[slot], i);
    }
    return EQ_OK;
}

/* One axis that the output has, or a place on one that it lacks. */
typedef struct eq_taken {
    eq_number start; /* its tensor is that of the step's input `use` */
    eq_type type;
    int32_t use;
    int64_t size, reach; /* of the axis; from the first element that is taken to behind the last */
    bool from_end;
    ptrdiff_t bytes; /* from an element of the axis to the next */
} eq_taken;

typedef struct eq_computed {
    eq_loops *loops;
    int32_t taken_count, loop_count;
    eq_taken taken[EQ_MAX_RANK];
    struct {
        int32_t count;
        ptrdiff_t bytes;
    } loops_of[EQ_MAX_RANK]; /* outermost first */
    size_t run;              /* bytes that lie together */
} eq_computed;

/* Where the slice begins, in bytes; -1 if it is not in the tensor. */
static ptrdiff_t find_start(const eq_computed *c, const eq_step *step, const eq_storage *storage) {
    ptrdiff_t offset = 0;
    for (int32_t i = 0; i < c->taken_count; ++i) {
        const eq_taken *t = &c->taken[i];
        const void *values = t->use < 0 ? NULL : storage[step->inputs[t->use].tensor].data;
        int64_t start = eq_number_value(&t->start, t->type, values);
        start += start < 0 && t->from_end ? t->size : 0;
        if (start < 0 || start > t->size - t->reach) {
            return -1;
        }
        offset += (ptrdiff_t)start * t->bytes;
    }
    return offset;
}

static void run_computed(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_computed *c = step->data;
    const ptrdiff_t start = find_start(c, step, storage);
    if (start < 0) {
        eq_loops_end_outside(c->loops, step->op);
        return;
    }
    const uint8_t *in = (const uint8_t *)storage[step->inputs[0].tensor].data + start;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    int32_t at[EQ_MAX_RANK] = {0}, loop;
    do {
        memcpy(out, in, c->run);
        out += c->run;
        for (loop = c->loop_count - 1; loop >= 0; --loop) { /* the next place, as an odometer counts */
            in += c->loops_of[loop].bytes;
            if (++at[loop] < c->loops_of[loop].count) {
                break;
            }
            in -= c->loops_of[loop].bytes * at[loop];
            at[loop] = 0;
        }
    } while (loop >= 0);
}

static ptrdiff_t bytes_along(const eq_tensor *tensor, int32_t axis) {
    ptrdiff_t bytes = eq_type_size(tensor->type);
    for (int32_t i = axis + 1; i < tensor->rank; ++i) {
        bytes *= tensor->dims[i];
    }
    return bytes;
}

static void add_span(eq_computed *c, const eq_tensor *in, const eq_span *span) {
    const ptrdiff_t bytes = bytes_along(in, span->axis), step = bytes * span->stride;
    const int64_t way = (int64_t)(span->count - 1) * span->stride; /* to the last element */
    c->taken[c->taken_count++] = (eq_taken){
        .start = span->start,
        .use = -1,
        .size = in->dims[span->axis],
        .reach = way < 0 ? 1 : way + 1,
        .from_end = span->from_end,
        .bytes = bytes,
    };
    if (!span->drop) {
        c->loops_of[c->loop_count].count = span->count;
        c->loops_of[c->loop_count++].bytes = step;
    }
}

/* Innermost loops over what lies together are one copy. */
static void join(eq_computed *c) {
    while (c->loop_count > 0 &&
           (c->loops_of[c->loop_count - 1].count == 1 || c->loops_of[c->loop_count - 1].bytes == (ptrdiff_t)c->run)) {
        c->run *= (size_t)c->loops_of[--c->loop_count].count;
    }
}

eq_status eq_slice_computed(eq_plan *plan, const eq_operator *op, const eq_span *spans, int32_t span_count) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    eq_computed c = {.loops = plan->loops, .run = (size_t)eq_type_size(in->type)};
    int32_t sources[1 + EQ_MAX_RANK] = {op->inputs[0]}, uses = 1;
    for (int32_t i = 0; i < span_count; ++i) {
        if (spans[i].axis >= 0) {
            add_span(&c, in, &spans[i]);
        }
    }
    for (int32_t i = 0; i < c.taken_count; ++i) {
        if (!eq_number_is_known(&c.taken[i].start)) {
            c.taken[i].type = plan->tensors[c.taken[i].start.tensor].tensor.type;
            c.taken[i].use = uses;
            sources[uses++] = c.taken[i].start.tensor;
        }
    }
    join(&c);
    eq_step *step = eq_plan_step(plan, op, run_computed, sizeof c, uses, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_computed *)step->data = c;
    for (int32_t i = 0; i < uses; ++i) {
        step->inputs[i].tensor = sources[i];
    }
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) * (uint64_t)eq_type_size(in->type) / 4;
    return EQ_OK;
}
