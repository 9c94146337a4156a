/* REVERSE_SEQUENCE: the first values along one axis turned round, as many as a list has for each place on another axis. */
#include <string.h>

#include "ops/move/indices.h"
#include "ops/arguments.h"
#include "plan/operator.h"

typedef struct eq_reverse {
    eq_type lengths;
    int32_t sequence, batch; /* sizes of the two axes */
    bool batch_first;        /* the batch's axis stands before the sequence's */
    int32_t outer, middle;   /* places before both axes, and between them */
    size_t inner;            /* bytes after both */
} eq_reverse;

/* A unit is a place before both axes. */
static void run_reverse(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_reverse *r = step->data;
    const uint8_t *in = storage[step->inputs[0].tensor].data;
    const void *lengths = storage[step->inputs[1].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    const int32_t slow = r->batch_first ? r->batch : r->sequence, fast = r->batch_first ? r->sequence : r->batch;
    for (int64_t place = (int64_t)first * slow * r->middle * fast; place < (int64_t)last * slow * r->middle * fast; ++place) {
        const int32_t at_fast = (int32_t)(place % fast), at_slow = (int32_t)(place / fast / r->middle % slow);
        const int32_t at = r->batch_first ? at_fast : at_slow, batch = r->batch_first ? at_slow : at_fast;
        const int32_t length = eq_index_clamped(r->lengths, lengths, batch, r->sequence + 1);
        const int64_t step_size = r->batch_first ? 1 : (int64_t)r->middle * fast;
        const int64_t from = at < length ? place + (length - 1 - 2 * (int64_t)at) * step_size : place;
        memcpy(out + (size_t)place * r->inner, in + (size_t)from * r->inner, r->inner);
    }
}

eq_status eq_prepare_reverse_sequence(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *lengths = eq_plan_input(plan, op, 1);
    const int32_t sequence = eq_option_int(op, 0, 0), batch = eq_option_int(op, 1, 0);
    if (sequence < 0 || batch < 0 || sequence >= in->rank || batch >= in->rank || sequence == batch) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "axes %d and %d are not two of %d dimensions", (int)sequence, (int)batch,
                            (int)in->rank);
    }
    if ((lengths->type != EQ_INT32 && lengths->type != EQ_INT64) || lengths->rank != 1 || lengths->dims[0] != in->dims[batch]) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs %d lengths, int32 or int64", (int)in->dims[batch]);
    }
    if ((status = eq_plan_shape(plan, op, 0, in->rank, in->dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_reverse, sizeof(eq_reverse), 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_reverse r = {
        .lengths = lengths->type, .sequence = in->dims[sequence], .batch = in->dims[batch], .outer = 1, .middle = 1};
    r.batch_first = batch < sequence;
    r.inner = (size_t)eq_type_size(in->type);
    for (int32_t i = 0; i < in->rank; ++i) {
        const int32_t after = (i > sequence) + (i > batch);
        r.outer *= after == 0 && i != sequence && i != batch ? in->dims[i] : 1;
        r.middle *= after == 1 && i != sequence && i != batch ? in->dims[i] : 1;
        r.inner *= after == 2 ? (size_t)in->dims[i] : 1;
    }
    *(eq_reverse *)step->data = r;
    step->inputs[0].tensor = op->inputs[0];
    step->inputs[1].tensor = op->inputs[1];
    step->outputs[0].tensor = op->outputs[0];
    step->units = r.outer;
    step->cost = (uint64_t)eq_tensor_elements(in) / 4;
    return EQ_OK;
}

EQ_OPERATOR(REVERSE_SEQUENCE, eq_prepare_reverse_sequence, ANY);
EQ_OPERATOR_NOTE(REVERSE_SEQUENCE, "lengths beyond the axis are clamped to it");
