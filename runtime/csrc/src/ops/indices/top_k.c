/* TOPK_V2: the k largest values along the last dimension, the largest first, and their indices; of equal ones the first. */
#include <string.h>

#include "ops/arguments.h"
#include "ops/integers.h"
#include "ops/order.h"
#include "plan/operator.h"

typedef struct eq_top_k {
    int32_t count, k; /* of a row */
    int32_t room;     /* indices that are held before they are sorted and all but k of them go */
    eq_type type, index_type;
} eq_top_k;

static int64_t key_at(const eq_top_k *t, const void *values, int64_t i) {
    return t->type == EQ_FLOAT32 ? eq_order_key(((const float *)values)[i]) : eq_integer_at(t->type, values, (size_t)i);
}

/* The indices of the k largest of `keys`, at the beginning of `best`, which has `room` like `spare`. */
static void choose(const eq_top_k *t, const int64_t *keys, int32_t *best, int32_t *spare) {
    int32_t held = 0;
    bool is_sorted = false; /* the first k: later ones must be larger than the last of them */
    for (int32_t i = 0; i < t->count; ++i) {
        if (is_sorted && keys[i] <= keys[best[t->k - 1]]) {
            continue;
        }
        best[held++] = i;
        if (held == t->room) {
            eq_order_decreasing(keys, best, held, spare);
            held = t->k;
            is_sorted = t->k > 0;
        }
    }
    eq_order_decreasing(keys, best, held, spare);
}

/* A unit is a row. */
static void run_top_k(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_top_k *t = step->data;
    const uint8_t *in = storage[step->inputs[0].tensor].data;
    uint8_t *values = storage[step->outputs[0].tensor].data;
    void *indices = storage[step->outputs[1].tensor].data;
    const size_t element = (size_t)eq_type_size(t->type);
    int64_t *keys = scratch;
    int32_t *best = (int32_t *)(keys + t->count), *spare = best + t->room;
    for (int32_t unit = first; unit < last; ++unit) {
        const int64_t row = (int64_t)unit * t->count, at = (int64_t)unit * t->k;
        for (int32_t i = 0; i < t->count; ++i) {
            keys[i] = key_at(t, in, row + i);
        }
        choose(t, keys, best, spare);
        for (int32_t i = 0; i < t->k; ++i) {
            memcpy(values + (size_t)(at + i) * element, in + (size_t)(row + best[i]) * element, element);
            if (t->index_type == EQ_INT16) {
                ((int16_t *)indices)[at + i] = (int16_t)best[i];
            } else {
                ((int32_t *)indices)[at + i] = best[i];
            }
        }
    }
}

eq_status eq_prepare_top_k(eq_plan *plan, const eq_operator *op) {
    int32_t k = 0, dims[EQ_MAX_RANK];
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 2);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_int(plan, op, 1, &k)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *indices = eq_plan_output(plan, op, 1);
    if (indices->type != EQ_INT32 && indices->type != EQ_INT16) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs an int32 or int16 output of indices");
    }
    if (in->rank < 1 || k < 0 || k > in->dims[in->rank - 1]) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "is to find the %d largest of %d values", (int)k,
                            (int)(in->rank < 1 ? 1 : in->dims[in->rank - 1]));
    }
    const int32_t count = in->dims[in->rank - 1];
    eq_top_k t = {.count = count, .k = k, .type = in->type, .index_type = indices->type};
    t.room = count - k < k + 16 ? count : 2 * k + 16;
    memcpy(dims, in->dims, sizeof dims);
    dims[in->rank - 1] = k;
    if ((status = eq_plan_shape(plan, op, 0, in->rank, dims)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 1, in->rank, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_top_k, sizeof t, 1, 2);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    memcpy(step->data, &t, sizeof t);
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    step->outputs[1].tensor = op->outputs[1];
    step->units = (int32_t)(eq_tensor_elements(in) / (count > 0 ? count : 1));
    step->scratch = (size_t)count * sizeof(int64_t) + 2 * (size_t)t.room * sizeof(int32_t);
    step->cost = (uint64_t)eq_tensor_elements(in) * 2;
    step->open_ended = true;
    return EQ_OK;
}

EQ_OPERATOR(TOPK_V2, eq_prepare_top_k, FLOAT32);
EQ_OPERATOR(TOPK_V2, eq_prepare_top_k, INT8);
EQ_OPERATOR(TOPK_V2, eq_prepare_top_k, UINT8);
EQ_OPERATOR(TOPK_V2, eq_prepare_top_k, INT16);
EQ_OPERATOR(TOPK_V2, eq_prepare_top_k, INT32);
EQ_OPERATOR(TOPK_V2, eq_prepare_top_k, INT64);
EQ_OPERATOR_NOTE(TOPK_V2, "a constant k");
