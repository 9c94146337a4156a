/* SELECT and SELECT_V2: where the condition holds an element of the second input, else of the third. All three broadcast; the
 * condition of SELECT may instead be one value, or one for each element of the first dimension. */
#include <string.h>

#include "ops/arguments.h"
#include "plan/operator.h"

enum { INPUTS = 3 };

typedef struct eq_select {
    size_t element; /* bytes */
    int32_t rank, dims[EQ_MAX_RANK];
    ptrdiff_t strides[INPUTS][EQ_MAX_RANK]; /* bytes; 0: repeated */
} eq_select;

/* A unit is a run along the last dimension. */
static void run_select(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_select *s = step->data;
    const int32_t inner = s->rank > 0 ? s->dims[s->rank - 1] : 1;
    uint8_t *out = (uint8_t *)storage[step->outputs[0].tensor].data + (size_t)first * (size_t)inner * s->element;
    for (int32_t unit = first; unit < last; ++unit) {
        const uint8_t *in[INPUTS];
        for (int32_t k = 0; k < INPUTS; ++k) {
            in[k] = storage[step->inputs[k].tensor].data;
            for (int32_t d = s->rank - 2, rest = unit; d >= 0; --d) {
                in[k] += rest % s->dims[d] * s->strides[k][d];
                rest /= s->dims[d];
            }
        }
        const int32_t d = s->rank - 1;
        const ptrdiff_t steps[INPUTS] = {d < 0 ? 0 : s->strides[0][d], d < 0 ? 0 : s->strides[1][d],
                                         d < 0 ? 0 : s->strides[2][d]};
        for (int32_t i = 0; i < inner; ++i, out += s->element) {
            memcpy(out, *in[0] ? in[1] : in[2], s->element);
            in[0] += steps[0];
            in[1] += steps[1];
            in[2] += steps[2];
        }
    }
}

/* The dimensions of an input, lined up with the output's from the last on, or from the first on. */
static void line_up(const eq_tensor *t, bool from_first, int32_t rank, int32_t lined[EQ_MAX_RANK]) {
    const int32_t shift = from_first ? 0 : rank - t->rank;
    for (int32_t i = 0; i < rank; ++i) {
        const int32_t own = i - shift;
        lined[i] = own >= 0 && own < t->rank ? t->dims[own] : 1;
    }
}

static eq_status broadcast(eq_plan *plan, const eq_operator *op, eq_select *s, bool condition_first) {
    const eq_tensor *in[INPUTS];
    int32_t dims[INPUTS][EQ_MAX_RANK];
    for (int32_t k = 0; k < INPUTS; ++k) {
        in[k] = eq_plan_input(plan, op, k);
        s->rank = in[k]->rank > s->rank ? in[k]->rank : s->rank;
    }
    for (int32_t k = 0; k < INPUTS; ++k) {
        line_up(in[k], condition_first && k == 0, s->rank, dims[k]);
    }
    for (int32_t i = 0; i < s->rank; ++i) {
        s->dims[i] = 1;
        for (int32_t k = 0; k < INPUTS; ++k) {
            if (dims[k][i] != 1 && s->dims[i] != 1 && dims[k][i] != s->dims[i]) {
                return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "cannot broadcast a dimension of %d against one of %d",
                                    (int)dims[k][i], (int)s->dims[i]);
            }
            s->dims[i] = dims[k][i] == 1 ? s->dims[i] : dims[k][i];
        }
    }
    for (int32_t k = 0; k < INPUTS; ++k) {
        ptrdiff_t stride = eq_type_size(in[k]->type);
        for (int32_t i = s->rank - 1; i >= 0; --i) {
            s->strides[k][i] = dims[k][i] == 1 ? 0 : stride;
            stride *= dims[k][i];
        }
    }
    return eq_plan_shape(plan, op, 0, s->rank, s->dims);
}

static bool same_shape(const eq_tensor *a, const eq_tensor *b) {
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

eq_status eq_prepare_select(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 1, 0)) != EQ_OK ||
        (status = eq_argument_same_type(plan, op, 2, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *condition = eq_plan_input(plan, op, 0), *x = eq_plan_input(plan, op, 1), *y = eq_plan_input(plan, op, 2);
    const bool by_first = op->code == EQ_OP_SELECT && condition->rank == 1 && x->rank > 1;
    if (op->code == EQ_OP_SELECT && !same_shape(x, y)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "chooses between tensors of different shapes");
    }
    eq_select s = {.element = (size_t)eq_type_size(x->type)};
    if ((status = broadcast(plan, op, &s, by_first)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_select, sizeof s, INPUTS, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    memcpy(step->data, &s, sizeof s);
    for (int32_t k = 0; k < INPUTS; ++k) {
        step->inputs[k].tensor = op->inputs[k];
    }
    step->outputs[0].tensor = op->outputs[0];
    for (int32_t i = 0; i + 1 < s.rank; ++i) {
        step->units *= s.dims[i];
    }
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0)) * 2;
    return EQ_OK;
}

EQ_OPERATOR(SELECT, eq_prepare_select, BOOL);
EQ_OPERATOR(SELECT_V2, eq_prepare_select, BOOL);
