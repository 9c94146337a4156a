/* SPARSE_TO_DENSE: values at the places that indices name, of a tensor of one value. Indices are (places, dimensions); one number
 * or a list of numbers where the output has one dimension. */
#include <string.h>

#include "ops/move/indices.h"
#include "ops/arguments.h"
#include "plan/operator.h"

enum { INDICES, SHAPE, VALUES, ELSEWHERE };

typedef struct eq_sparse {
    eq_indices read;
    int32_t places, rank, dims[EQ_MAX_RANK];
    size_t element, bytes, value_step; /* of a value and of the output; 0: the same value everywhere */
} eq_sparse;

static void run_sparse(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_sparse *s = step->data;
    const void *indices = storage[step->inputs[0].tensor].data;
    const uint8_t *values = storage[step->inputs[1].tensor].data, *elsewhere = storage[step->inputs[2].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    for (size_t at = 0; at < s->bytes; at += s->element) {
        memcpy(out + at, elsewhere, s->element);
    }
    for (int32_t place = 0; place < s->places; ++place) {
        size_t at = 0;
        for (int32_t i = 0; i < s->rank; ++i) {
            const int64_t index = (int64_t)place * s->rank + i;
            at = at * (size_t)s->dims[i] + (size_t)eq_index_at(&s->read, step, indices, index, s->dims[i]);
        }
        memcpy(out + at * s->element, values + (size_t)place * s->value_step, s->element);
    }
}

/* The places, and whether indices and values are of as many. */
static eq_status read_places(eq_plan *plan, const eq_operator *op, eq_sparse *s) {
    const eq_tensor *indices = eq_plan_input(plan, op, INDICES), *values = eq_plan_input(plan, op, VALUES);
    const int32_t columns = indices->rank == 2 ? indices->dims[1] : 1;
    s->places = indices->rank > 0 ? indices->dims[0] : 1;
    if (indices->rank > 2 || columns != s->rank) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its indices do not fit an output of %d dimensions", (int)s->rank);
    }
    if (values->rank > 1 || (values->rank == 1 && values->dims[0] != s->places)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs one value, or one for each of %d places", (int)s->places);
    }
    if (eq_tensor_elements(eq_plan_input(plan, op, ELSEWHERE)) != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its default is a tensor of several values");
    }
    s->value_step = values->rank == 1 ? s->element : 0;
    return eq_check_indices(plan, op, INDICES, s->dims, s->rank);
}

eq_status eq_prepare_sparse_to_dense(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 4, 4, 0, 1);
    if (status != EQ_OK || (status = eq_check_index_type(plan, op, INDICES)) != EQ_OK ||
        (status = eq_argument_same_type(plan, op, VALUES, 0)) != EQ_OK ||
        (status = eq_argument_same_type(plan, op, ELSEWHERE, 0)) != EQ_OK) {
        return status;
    }
    eq_sparse s = {.read = {eq_plan_input(plan, op, INDICES)->type, plan->loops}};
    s.element = (size_t)eq_type_size(eq_plan_output(plan, op, 0)->type);
    if ((status = eq_argument_ints(plan, op, SHAPE, s.dims, EQ_MAX_RANK, &s.rank)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 0, s.rank, s.dims)) != EQ_OK || (status = read_places(plan, op, &s)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_sparse, sizeof s, 3, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    s.bytes = (size_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) * s.element;
    memcpy(step->data, &s, sizeof s);
    step->inputs[0].tensor = op->inputs[INDICES];
    step->inputs[1].tensor = op->inputs[VALUES];
    step->inputs[2].tensor = op->inputs[ELSEWHERE];
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) + (uint64_t)s.places;
    return EQ_OK;
}

EQ_OPERATOR(SPARSE_TO_DENSE, eq_prepare_sparse_to_dense, ANY);
EQ_OPERATOR_NOTE(SPARSE_TO_DENSE,
                 "the shape must be known when a session opens; a computed index that is not in it ends the run with an error");
