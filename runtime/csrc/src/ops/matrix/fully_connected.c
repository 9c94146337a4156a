#include <string.h>

#include "layers.h"

enum { ACTIVATION = 0, WEIGHTS_FORMAT = 1, KEEP_NUM_DIMS = 2 }; /* fields of the options */

eq_status eq_fully_connected_read(eq_plan *plan, const eq_operator *op, int32_t *rows, int32_t *activation) {
    const eq_status status = eq_plan_arity(plan, op, 2, 3, 1u << 2, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    const bool keep = eq_option_bool(op, KEEP_NUM_DIMS, false);
    if (weights->rank != 2 || input->rank < 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the weights must have two dimensions, the input one or more");
    }
    if (eq_option_byte(op, WEIGHTS_FORMAT, 0) != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "shuffled weights are not supported");
    }
    const int64_t elements = eq_tensor_elements(input);
    const int32_t depth = weights->dims[1];
    if (elements % depth != 0 || (keep && input->dims[input->rank - 1] != depth)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the input cannot be cut into vectors of %d values", (int)depth);
    }
    *activation = eq_option_byte(op, ACTIVATION, 0);
    *rows = (int32_t)(elements / depth);
    int32_t dims[EQ_MAX_RANK] = {*rows, weights->dims[0]};
    if (keep) {
        memcpy(dims, input->dims, sizeof dims);
        dims[input->rank - 1] = weights->dims[0];
    }
    return eq_plan_shape(plan, op, 0, keep ? input->rank : 2, dims);
}
