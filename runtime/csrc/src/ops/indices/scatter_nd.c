/* SCATTER_ND: indices (places ..., depth) and slices for them (places ..., slice ...) -> a tensor of a constant shape, zeros but for
 * the slices; those of the same place are added in their order, integers wrapping. */
#include <string.h>

#include "ops/move/coordinates.h"
#include "ops/arguments.h"
#include "plan/operator.h"

enum { INDICES, UPDATES, SHAPE };

typedef struct eq_scatter {
    eq_coordinates coordinates;
    int64_t elements; /* of the output */
    eq_type type;
    uint8_t zero; /* 128 where uint8 is read as int8 */
} eq_scatter;

static void add(const eq_scatter *s, void *out, const void *values, int64_t at, int64_t from) {
    for (int64_t i = 0; i < s->coordinates.slice; ++i) {
        switch (s->type) {
        case EQ_FLOAT32:
            ((float *)out)[at + i] += ((const float *)values)[from + i];
            break;
        case EQ_INT32:
            ((uint32_t *)out)[at + i] += ((const uint32_t *)values)[from + i];
            break;
        case EQ_INT64:
            ((uint64_t *)out)[at + i] += ((const uint64_t *)values)[from + i];
            break;
        case EQ_BOOL:
            ((uint8_t *)out)[at + i] |= ((const uint8_t *)values)[from + i] != 0;
            break;
        default: {
            uint8_t *sum = (uint8_t *)out + at + i;
            *sum = (uint8_t)(*sum + ((const uint8_t *)values)[from + i] - s->zero);
        }
        }
    }
}

static void run_scatter(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_scatter *s = step->data;
    const void *indices = storage[step->inputs[0].tensor].data, *values = storage[step->inputs[1].tensor].data;
    void *out = storage[step->outputs[0].tensor].data;
    memset(out, s->zero, (size_t)s->elements * (size_t)eq_type_size(s->type));
    for (int32_t place = 0; place < s->coordinates.places; ++place) {
        add(s, out, values, eq_coordinates_offset(&s->coordinates, step, indices, place), place * s->coordinates.slice);
    }
}

/* Updates must have the indices' places and the output's slices. */
static eq_status check_updates(eq_plan *plan, const eq_operator *op, const eq_coordinates *c, int32_t rank,
                               const int32_t *dims) {
    const eq_tensor *indices = eq_plan_input(plan, op, INDICES), *updates = eq_plan_input(plan, op, UPDATES);
    const int32_t places = indices->rank - 1;
    bool fits = updates->rank == places + rank - c->depth;
    for (int32_t i = 0; fits && i < updates->rank; ++i) {
        fits = updates->dims[i] == (i < places ? indices->dims[i] : dims[i - places + c->depth]);
    }
    return fits ? EQ_OK : eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its updates do not fit its indices and shape");
}

eq_status eq_prepare_scatter_nd(eq_plan *plan, const eq_operator *op) {
    eq_scatter s;
    int32_t dims[EQ_MAX_RANK], rank;
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, UPDATES, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, SHAPE, dims, EQ_MAX_RANK, &rank)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 0, rank, dims)) != EQ_OK ||
        (status = eq_coordinates_read(plan, op, INDICES, rank, dims, &s.coordinates)) != EQ_OK ||
        (status = check_updates(plan, op, &s.coordinates, rank, dims)) != EQ_OK) {
        return status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    eq_step *step = eq_plan_step(plan, op, run_scatter, sizeof s, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    s.elements = eq_tensor_elements(out);
    s.type = out->type;
    s.zero = out->type == out->file_type ? 0 : 128;
    memcpy(step->data, &s, sizeof s);
    step->inputs[0].tensor = op->inputs[INDICES];
    step->inputs[1].tensor = op->inputs[UPDATES];
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)(s.elements + eq_tensor_elements(eq_plan_input(plan, op, UPDATES)));
    return EQ_OK;
}

EQ_OPERATOR(SCATTER_ND, eq_prepare_scatter_nd, INT32, FLOAT32, INT32);
EQ_OPERATOR(SCATTER_ND, eq_prepare_scatter_nd, INT32, INT8, INT32);
EQ_OPERATOR(SCATTER_ND, eq_prepare_scatter_nd, INT32, UINT8, INT32);
EQ_OPERATOR(SCATTER_ND, eq_prepare_scatter_nd, INT32, INT32, INT32);
EQ_OPERATOR(SCATTER_ND, eq_prepare_scatter_nd, INT32, INT64, INT32);
EQ_OPERATOR(SCATTER_ND, eq_prepare_scatter_nd, INT32, BOOL, INT32);
EQ_OPERATOR_NOTE(SCATTER_ND, "a constant shape; a computed index that is not in it ends the run with an error; not int16");
