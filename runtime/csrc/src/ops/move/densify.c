/* DENSIFY: sparse constants as dense ones, which they are since the model was opened (read/sparsity_read.c). */
#include "ops/arguments.h"
#include "plan/operator.h"

eq_status eq_prepare_densify(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    status = eq_plan_shape(plan, op, 0, in->rank, in->dims);
    return status == EQ_OK ? eq_plan_alias(plan, op, 0, 0) : status;
}

EQ_OPERATOR(DENSIFY, eq_prepare_densify, ANY);
