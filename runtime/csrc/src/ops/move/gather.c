/* GATHER: (batch ..., outer ..., axis, inner ...) at indices (batch ..., places ...) -> (batch ..., outer ..., places ...,
 * inner ...). */
#include <string.h>

#include "indices.h"
#include "ops/arguments.h"
#include "plan/operator.h"

typedef struct eq_gather {
    int32_t outer, axis, places; /* elements; a unit is an element of batch x outer */
    size_t inner;                /* bytes */
    eq_indices read;
} eq_gather;

static void run_gather(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_gather g = *(const eq_gather *)step->data; /* which the bytes of the output might be, else */
    const uint8_t *in = storage[step->inputs[0].tensor].data;
    const void *indices = storage[step->inputs[1].tensor].data;
    uint8_t *out = (uint8_t *)storage[step->outputs[0].tensor].data + (size_t)first * (size_t)g.places * g.inner;
    for (int32_t unit = first; unit < last; ++unit) {
        const uint8_t *from = in + (size_t)unit * (size_t)g.axis * g.inner;
        const int64_t batch = unit / g.outer;
        for (int32_t i = 0; i < g.places; ++i, out += g.inner) {
            const int32_t index = eq_index_at(&g.read, step, indices, batch * g.places + i, g.axis);
            const uint8_t *row = from + (size_t)index * g.inner;
            switch (g.inner) { /* rows of embeddings: loads and stores, sooner done than a call */
            case 16:
                memcpy(out, row, 16);
                break;
            case 32:
                memcpy(out, row, 32);
                break;
            case 64:
                memcpy(out, row, 64);
                break;
            default:
                memcpy(out, row, g.inner);
            }
        }
    }
}

eq_status eq_prepare_gather(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    int32_t axis = 0, batch_dims = eq_option_int(op, 1, 0);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_axis(plan, op, eq_option_int(op, 0, 0), eq_plan_input(plan, op, 0)->rank, &axis)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *indices = eq_plan_input(plan, op, 1);
    batch_dims += batch_dims < 0 ? indices->rank : 0;
    if ((status = eq_check_index_type(plan, op, 1)) != EQ_OK) {
        return status;
    }
    if (batch_dims < 0 || batch_dims > axis || batch_dims > indices->rank ||
        in->rank + indices->rank - 1 - batch_dims > EQ_MAX_RANK) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "%d batch dimensions do not fit its inputs", (int)batch_dims);
    }
    if ((status = eq_check_indices(plan, op, 1, &in->dims[axis], 1)) != EQ_OK) {
        return status;
    }
    eq_gather g = {.outer = 1, .axis = in->dims[axis], .places = 1, .inner = (size_t)eq_type_size(in->type)};
    int32_t dims[EQ_MAX_RANK], rank = 0, units = 1;
    for (int32_t i = 0; i < axis; ++i) {
        if (i < batch_dims && indices->dims[i] != in->dims[i]) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its inputs differ in batch dimension %d", (int)i);
        }
        g.outer *= i < batch_dims ? 1 : in->dims[i];
        units *= in->dims[i];
        dims[rank++] = in->dims[i];
    }
    for (int32_t i = batch_dims; i < indices->rank; ++i) {
        g.places *= indices->dims[i];
        dims[rank++] = indices->dims[i];
    }
    for (int32_t i = axis + 1; i < in->rank; ++i) {
        g.inner *= (size_t)in->dims[i];
        dims[rank++] = in->dims[i];
    }
    if ((status = eq_plan_shape(plan, op, 0, rank, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_gather, sizeof g, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    g.read = (eq_indices){indices->type, plan->loops};
    memcpy(step->data, &g, sizeof g);
    step->inputs[0].tensor = op->inputs[0];
    step->inputs[1].tensor = op->inputs[1];
    step->outputs[0].tensor = op->outputs[0];
    step->units = units;
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) / 4;
    return EQ_OK;
}

EQ_OPERATOR(GATHER, eq_prepare_gather, ANY);
EQ_OPERATOR_NOTE(GATHER, "a computed index that is not on the axis ends the run with an error");
