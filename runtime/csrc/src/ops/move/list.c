#include "list.h"

#include <string.h>

#include "ops/arguments.h"
#include "plan/body.h"

enum { BEFORE, ELEMENT, BEHIND, INPUTS };

typedef struct eq_list {
    eq_loops *loops;
    eq_number place;
    eq_type type; /* of the tensor with the place */
    int64_t places, rows;
    size_t bytes, row, element; /* of the list, of all places in one of `rows`, of what is written in one */
    size_t step;                /* from a place to the next */
} eq_list;

static void run_update(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_list *l = step->data;
    const int64_t place = eq_number_value(&l->place, l->type, storage[step->inputs[2].tensor].data);
    if (place < 0 || place >= l->places) {
        eq_loops_end_outside(l->loops, step->op);
        return;
    }
    const uint8_t *element = storage[step->inputs[1].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    memcpy(out, storage[step->inputs[0].tensor].data, l->bytes);
    for (int64_t r = 0; r < l->rows; ++r) {
        memcpy(out + (size_t)r * l->row + (size_t)place * l->step, element + (size_t)r * l->element, l->element);
    }
}

eq_status eq_list_part(eq_plan *plan, const eq_operator *op, const eq_part *part) {
    eq_part *kept = eq_plan_take(plan, sizeof *kept);
    if (!kept) {
        return (eq_status)plan->error->status;
    }
    *kept = *part;
    eq_plan_tensor *out = &plan->tensors[op->outputs[0]];
    const eq_tensor *source = &plan->tensors[part->source].tensor;
    out->part = kept;
    out->tensor.rank = source->rank;
    memcpy(out->tensor.dims, source->dims, sizeof source->dims);
    out->tensor.unsupported = "whose size is known only during a run";
    return EQ_OK;
}

bool eq_list_has_parts(const eq_plan *plan, const eq_operator *op) {
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        if (plan->tensors[op->inputs[slot]].part) {
            return true;
        }
    }
    return false;
}

/* That the parts are all of the list but as much as the element has. */
static bool is_update(const eq_plan *plan, const eq_operator *op, int32_t axis) {
    const eq_part *before = op->input_count == INPUTS ? plan->tensors[op->inputs[BEFORE]].part : NULL;
    const eq_part *behind = before ? plan->tensors[op->inputs[BEHIND]].part : NULL;
    if (!behind || plan->tensors[op->inputs[ELEMENT]].part || before->source != behind->source || before->axis != axis ||
        behind->axis != axis) {
        return false;
    }
    const eq_tensor *list = &plan->tensors[before->source].tensor, *element = eq_plan_input(plan, op, ELEMENT);
    bool fits = element->rank == list->rank;
    for (int32_t i = 0; fits && i < list->rank; ++i) {
        fits = element->dims[i] == (i == axis ? 1 : list->dims[i]);
    }
    return fits && eq_number_is_known(&before->begin) && before->begin.offset == 0 && eq_number_is_known(&behind->end) &&
           behind->end.offset == list->dims[axis] && eq_number_is_beside(&before->end, &behind->begin) &&
           behind->begin.offset - before->end.offset == 1;
}

static bool is_same(const eq_tensor *a, const eq_tensor *b) {
    return a->type == b->type && a->file_type == b->file_type && a->scale_count == b->scale_count &&
           (a->scale_count != 1 || (a->scales[0] == b->scales[0] && a->zero_points[0] == b->zero_points[0]));
}

static eq_list measure(const eq_plan *plan, const eq_tensor *list, int32_t axis, const eq_number *place) {
    eq_list l = {.loops = plan->loops, .place = *place, .type = plan->tensors[place->tensor].tensor.type, .rows = 1};
    l.places = list->dims[axis];
    l.step = (size_t)eq_type_size(list->type);
    for (int32_t i = 0; i < list->rank; ++i) {
        l.rows *= i < axis ? list->dims[i] : 1;
        l.step *= i > axis ? (size_t)list->dims[i] : 1;
    }
    l.element = l.step;
    l.row = l.step * (size_t)l.places;
    l.bytes = l.row * (size_t)l.rows;
    return l;
}

eq_status eq_list_update(eq_plan *plan, const eq_operator *op, int32_t axis) {
    if (!is_update(plan, op, axis)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                            "has a tensor whose size is known only during a run, and does not put one element into a list");
    }
    const eq_part *before = plan->tensors[op->inputs[BEFORE]].part;
    const eq_tensor *list = &plan->tensors[before->source].tensor;
    if (!is_same(list, eq_plan_input(plan, op, ELEMENT)) || !is_same(list, eq_plan_output(plan, op, 0)) ||
        eq_option_byte(op, 1, 0) != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "puts into a list what has another type, scale or zero point");
    }
    const eq_list l = measure(plan, list, axis, &before->end);
    eq_status status = eq_plan_shape(plan, op, 0, list->rank, list->dims);
    if (status != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_update, sizeof l, 3, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_list *)step->data = l;
    step->inputs[0].tensor = before->source;
    step->inputs[1].tensor = op->inputs[ELEMENT];
    step->inputs[2].tensor = before->end.tensor;
    step->outputs[0].tensor = op->outputs[0];
    step->cost = l.bytes / 4;
    return EQ_OK;
}
