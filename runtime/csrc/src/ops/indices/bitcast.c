/* BITCAST: the same bytes as another type. A larger element becomes a last dimension of smaller ones, or the other way round. */
#include <string.h>

#include "ops/arguments.h"
#include "plan/operator.h"

eq_status eq_prepare_bitcast(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    if ((in->file_type != in->type || out->file_type != out->type) && in->file_type != out->file_type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take %s as %s", eq_type_name(in->file_type),
                            eq_type_name(out->file_type));
    }
    const int32_t from = eq_type_size(in->type), to = eq_type_size(out->type);
    int32_t dims[EQ_MAX_RANK + 1], rank = in->rank;
    memcpy(dims, in->dims, sizeof in->dims);
    if (from > to) {
        dims[rank++] = from / to;
    } else if (from < to && (rank < 1 || dims[--rank] != to / from)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its last dimension is not the %d elements that become one",
                            (int)(to / from));
    }
    status = eq_plan_shape(plan, op, 0, rank, dims);
    return status == EQ_OK ? eq_plan_alias(plan, op, 0, 0) : status;
}

EQ_OPERATOR(BITCAST, eq_prepare_bitcast, ANY);
EQ_OPERATOR_NOTE(BITCAST, "quantized uint8 as itself only");
