/* GATHER_ND: slices of a tensor at indices (places ..., depth) -> (places ..., slice ...). */
#include <string.h>

#include "ops/move/coordinates.h"
#include "ops/arguments.h"
#include "plan/operator.h"

typedef struct eq_gather_nd {
    eq_coordinates coordinates;
    size_t element;
} eq_gather_nd;

/* A unit is a place. */
static void run_gather_nd(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_gather_nd *g = step->data;
    const uint8_t *in = storage[step->inputs[0].tensor].data;
    const void *indices = storage[step->inputs[1].tensor].data;
    const size_t bytes = (size_t)g->coordinates.slice * g->element;
    uint8_t *out = (uint8_t *)storage[step->outputs[0].tensor].data + (size_t)first * bytes;
    for (int32_t unit = first; unit < last; ++unit, out += bytes) {
        memcpy(out, in + (size_t)eq_coordinates_offset(&g->coordinates, step, indices, unit) * g->element, bytes);
    }
}

eq_status eq_prepare_gather_nd(eq_plan *plan, const eq_operator *op) {
    eq_gather_nd g;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *indices = eq_plan_input(plan, op, 1);
    if ((status = eq_coordinates_read(plan, op, 1, in->rank, in->dims, &g.coordinates)) != EQ_OK) {
        return status;
    }
    g.element = (size_t)eq_type_size(in->type);
    int32_t dims[2 * EQ_MAX_RANK], rank = 0;
    for (int32_t i = 0; i < indices->rank - 1; ++i) {
        dims[rank++] = indices->dims[i];
    }
    for (int32_t i = g.coordinates.depth; i < in->rank; ++i) {
        dims[rank++] = in->dims[i];
    }
    if ((status = eq_plan_shape(plan, op, 0, rank, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_gather_nd, sizeof g, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    memcpy(step->data, &g, sizeof g);
    step->inputs[0].tensor = op->inputs[0];
    step->inputs[1].tensor = op->inputs[1];
    step->outputs[0].tensor = op->outputs[0];
    step->units = g.coordinates.places;
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) / 4;
    return EQ_OK;
}

EQ_OPERATOR(GATHER_ND, eq_prepare_gather_nd, ANY);
EQ_OPERATOR_NOTE(GATHER_ND, "a computed index that is not in the tensor ends the run with an error");
