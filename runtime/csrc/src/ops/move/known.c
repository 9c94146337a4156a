/* Operators whose results are known when a session opens: SHAPE and RANK from shapes, RANGE, BROADCAST_ARGS and WHERE from constants,
 * without which the size of what they give is not known. */
#include <math.h>
#include <string.h>

#include "ops/arguments.h"
#include "plan/operator.h"

/* int32 or int64 numbers as output 0. */
static eq_status give(eq_plan *plan, const eq_operator *op, const int64_t *values, int32_t count) {
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    int64_t *wide = eq_plan_take(plan, (size_t)count * sizeof *wide + 1);
    if (!wide) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < count; ++i) {
        if (out->type == EQ_INT64) {
            wide[i] = values[i];
        } else {
            const int32_t narrow = (int32_t)values[i];
            memcpy((uint8_t *)wide + (size_t)i * sizeof narrow, &narrow, sizeof narrow);
        }
    }
    eq_plan_constant(plan, op->outputs[0], wide);
    return EQ_OK;
}

static eq_status check_integers(eq_plan *plan, const eq_operator *op) {
    const eq_type type = eq_plan_output(plan, op, 0)->type;
    return type == EQ_INT32 || type == EQ_INT64 ? EQ_OK
                                                : eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output must be int32 or int64");
}

eq_status eq_prepare_shape(eq_plan *plan, const eq_operator *op) {
    int64_t dims[EQ_MAX_RANK];
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK || (status = check_integers(plan, op)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    for (int32_t i = 0; i < in->rank; ++i) {
        dims[i] = in->dims[i];
    }
    status = eq_plan_shape(plan, op, 0, 1, &in->rank);
    return status == EQ_OK ? give(plan, op, dims, in->rank) : status;
}

eq_status eq_prepare_rank(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK || (status = check_integers(plan, op)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 0, 0, NULL)) != EQ_OK) {
        return status;
    }
    return give(plan, op, &(int64_t){eq_plan_input(plan, op, 0)->rank}, 1);
}

eq_status eq_prepare_broadcast_args(eq_plan *plan, const eq_operator *op) {
    int32_t dims[2][EQ_MAX_RANK], ranks[2] = {0};
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = check_integers(plan, op)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 0, dims[0], EQ_MAX_RANK, &ranks[0])) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 1, dims[1], EQ_MAX_RANK, &ranks[1])) != EQ_OK) {
        return status;
    }
    const int32_t rank = ranks[0] > ranks[1] ? ranks[0] : ranks[1];
    int64_t result[EQ_MAX_RANK];
    for (int32_t i = 1; i <= rank; ++i) {
        const int32_t a = i <= ranks[0] ? dims[0][ranks[0] - i] : 1, b = i <= ranks[1] ? dims[1][ranks[1] - i] : 1;
        if (a != b && a != 1 && b != 1) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "cannot broadcast a dimension of %d against one of %d", (int)a,
                                (int)b);
        }
        result[rank - i] = a == 1 ? b : a;
    }
    status = eq_plan_shape(plan, op, 0, 1, &rank);
    return status == EQ_OK ? give(plan, op, result, rank) : status;
}

/* ---- RANGE ---- */

/* The numbers start, start + delta, ...; fails unless they are between 0 and 2^31 - 1 many. */
static eq_status count_range(eq_plan *plan, const eq_operator *op, double start, double limit, double delta, int32_t *count) {
    const double steps = ceil(fabs((limit - start) / delta));
    if (!(delta != 0) || (start < limit ? delta < 0 : start > limit && delta > 0) || !(steps < 0x1p31)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "cannot go from %g to %g by %g", start, limit, delta);
    }
    *count = (int32_t)steps;
    return EQ_OK;
}

static double number(const eq_tensor *t) {
    return t->type == EQ_FLOAT32 ? (double)*(const float *)t->data
           : t->type == EQ_INT32 ? (double)*(const int32_t *)t->data
                                 : (double)*(const int64_t *)t->data;
}

static void fill_range(const eq_tensor *start, const eq_tensor *delta, void *values, int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
        switch (start->type) {
        case EQ_FLOAT32: /* LiteRT adds up */
            ((float *)values)[i] =
                i == 0 ? *(const float *)start->data : ((float *)values)[i - 1] + *(const float *)delta->data;
            break;
        case EQ_INT32:
            ((uint32_t *)values)[i] = *(const uint32_t *)start->data + (uint32_t)i * *(const uint32_t *)delta->data;
            break;
        default:
            ((uint64_t *)values)[i] = *(const uint64_t *)start->data + (uint64_t)i * *(const uint64_t *)delta->data;
        }
    }
}

eq_status eq_prepare_range(eq_plan *plan, const eq_operator *op) {
    int32_t count = 0;
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    for (int32_t slot = 0; status == EQ_OK && slot < 3; ++slot) {
        const eq_tensor *in = eq_plan_input(plan, op, slot);
        if (!in->data || in->is_variable) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                                "gives a tensor whose size is known only during a run; only constants are supported");
        }
        if (eq_tensor_elements(in) != 1) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input %d must be one value", (int)slot);
        }
        status = eq_argument_same_type(plan, op, slot, 0);
    }
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in[3] = {eq_plan_input(plan, op, 0), eq_plan_input(plan, op, 1), eq_plan_input(plan, op, 2)};
    if (in[0]->type != EQ_FLOAT32 && in[0]->type != EQ_INT32 && in[0]->type != EQ_INT64) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(in[0]->type));
    }
    if ((status = count_range(plan, op, number(in[0]), number(in[1]), number(in[2]), &count)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 0, 1, &count)) != EQ_OK) {
        return status;
    }
    void *values = eq_plan_take(plan, (size_t)count * (size_t)eq_type_size(in[0]->type) + 1);
    if (!values) {
        return (eq_status)plan->error->status;
    }
    fill_range(in[0], in[2], values, count);
    eq_plan_constant(plan, op->outputs[0], values);
    return EQ_OK;
}

/* ---- WHERE: the places of all elements that are not 0 ---- */

static bool holds(const eq_tensor *t, int64_t i) {
    switch (t->type) {
    case EQ_FLOAT32:
        return ((const float *)t->data)[i] != 0;
    case EQ_INT32:
    case EQ_UINT32:
        return ((const uint32_t *)t->data)[i] != 0;
    case EQ_INT64:
        return ((const int64_t *)t->data)[i] != 0;
    default:
        return ((const uint8_t *)t->data)[i] != (t->type == EQ_INT8 && t->file_type == EQ_UINT8 ? 0x80 : 0); /* 0 in the file */
    }
}

eq_status eq_prepare_where(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK || (status = check_integers(plan, op)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (!in->data || in->is_variable) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                            "gives a tensor whose size is known only during a run; only a constant condition is supported");
    }
    const int32_t size = eq_type_size(in->type);
    if (size == 2 || size == 0 || in->type == EQ_COMPLEX64 || eq_plan_output(plan, op, 0)->type != EQ_INT64) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(in->file_type));
    }
    const int64_t elements = eq_tensor_elements(in);
    int32_t count = 0;
    for (int64_t i = 0; i < elements; ++i) {
        count += holds(in, i);
    }
    if ((status = eq_plan_shape(plan, op, 0, 2, (const int32_t[]){count, in->rank})) != EQ_OK) {
        return status;
    }
    int64_t *places = eq_plan_take(plan, (size_t)count * (size_t)in->rank * sizeof *places + 1);
    if (!places) {
        return (eq_status)plan->error->status;
    }
    eq_plan_constant(plan, op->outputs[0], places);
    for (int64_t i = 0; i < elements; ++i) {
        int64_t rest = i;
        for (int32_t d = in->rank - 1; holds(in, i) && d >= 0; rest /= in->dims[d--]) {
            places[d] = rest % in->dims[d];
        }
        places += holds(in, i) ? in->rank : 0;
    }
    return EQ_OK;
}

EQ_OPERATOR(SHAPE, eq_prepare_shape, ANY);
EQ_OPERATOR(RANK, eq_prepare_rank, ANY);
EQ_OPERATOR(BROADCAST_ARGS, eq_prepare_broadcast_args, ANY);
EQ_OPERATOR(RANGE, eq_prepare_range, ANY);
EQ_OPERATOR(WHERE, eq_prepare_where, ANY);
EQ_OPERATOR_NOTE(SHAPE, "computed when a session opens");
EQ_OPERATOR_NOTE(RANK, "computed when a session opens");
EQ_OPERATOR_NOTE(BROADCAST_ARGS, "of constants and shapes");
EQ_OPERATOR_NOTE(RANGE, "of constants and shapes");
EQ_OPERATOR_NOTE(WHERE, "of a constant, whose result has a known size; not int16");
