/* RESHAPE, SQUEEZE, EXPAND_DIMS: the same values in another shape, and so the same memory. */
#include "ops/arguments.h"
#include "plan/operator.h"

static int64_t elements_of(int32_t rank, const int32_t *dims) {
    int64_t elements = 1;
    for (int32_t i = 0; i < rank && elements <= INT32_MAX; ++i) {
        elements *= dims[i];
    }
    return elements;
}

/* `dims` may have one -1: whatever is left. */
static eq_status reshape(eq_plan *plan, const eq_operator *op, int32_t rank, int32_t *dims) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const int64_t elements = eq_tensor_elements(in);
    eq_status status = eq_argument_same_type(plan, op, 0, 0);
    if (status != EQ_OK) {
        return status;
    }
    int32_t rest = -1;
    for (int32_t i = 0; i < rank; ++i) {
        if (dims[i] == -1 && rest < 0) {
            rest = i;
            dims[i] = 1;
        } else if (dims[i] < 0) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "asks for a dimension of %d", (int)dims[i]);
        }
    }
    if (rest >= 0) {
        const int64_t others = elements_of(rank, dims);
        dims[rest] = others > 0 ? (int32_t)(elements / others) : 0;
    }
    if ((status = eq_plan_shape(plan, op, 0, rank, dims)) != EQ_OK) {
        return status;
    }
    if (elements_of(rank, dims) != elements) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "cannot give %lld values the shape it asks for", (long long)elements);
    }
    return eq_plan_alias(plan, op, 0, 0);
}

eq_status eq_prepare_reshape(eq_plan *plan, const eq_operator *op) {
    int32_t dims[EQ_MAX_RANK], rank = 0;
    eq_status status = eq_plan_arity(plan, op, 1, 2, 2, 1);
    if (status != EQ_OK) {
        return status;
    }
    if (eq_plan_input(plan, op, 1)) {
        if ((status = eq_argument_ints(plan, op, 1, dims, EQ_MAX_RANK, &rank)) != EQ_OK) {
            return status;
        }
    } else {
        rank = eq_option_ints(op, 0, dims, EQ_MAX_RANK);
        if (rank > EQ_MAX_RANK) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives a tensor of %d dimensions", (int)rank);
        }
        if (rank == 1 && dims[0] == 0) {
            rank = 0; /* how old files ask for a scalar */
        }
    }
    return reshape(plan, op, rank, dims);
}

eq_status eq_prepare_squeeze(eq_plan *plan, const eq_operator *op) {
    int32_t named[EQ_MAX_RANK], dims[EQ_MAX_RANK], rank = 0;
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const int32_t count = eq_option_ints(op, 0, named, EQ_MAX_RANK);
    if (count > EQ_MAX_RANK) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "names %d axes", (int)count);
    }
    uint32_t goes = 0;
    for (int32_t i = 0; i < count; ++i) {
        if ((status = eq_argument_axis(plan, op, named[i], in->rank, &named[i])) != EQ_OK) {
            return status;
        }
        goes |= 1u << named[i];
    }
    for (int32_t i = 0; i < in->rank; ++i) {
        if (count == 0 ? in->dims[i] != 1 : !(goes >> i & 1)) {
            dims[rank++] = in->dims[i];
        }
    }
    return reshape(plan, op, rank, dims);
}

eq_status eq_prepare_expand_dims(eq_plan *plan, const eq_operator *op) {
    int32_t axis = 0, dims[EQ_MAX_RANK + 1];
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_int(plan, op, 1, &axis)) != EQ_OK ||
        (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if ((status = eq_argument_axis(plan, op, axis, in->rank + 1, &axis)) != EQ_OK) {
        return status;
    }
    for (int32_t i = 0; i <= in->rank; ++i) {
        dims[i] = i < axis ? in->dims[i] : i == axis ? 1 : in->dims[i - 1];
    }
    return reshape(plan, op, in->rank + 1, dims);
}

EQ_OPERATOR(RESHAPE, eq_prepare_reshape, ANY);
EQ_OPERATOR(SQUEEZE, eq_prepare_squeeze, ANY);
EQ_OPERATOR(EXPAND_DIMS, eq_prepare_expand_dims, ANY);
EQ_OPERATOR_NOTE(RESHAPE, "costs nothing");
