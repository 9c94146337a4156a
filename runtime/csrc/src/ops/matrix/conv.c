#include "layers.h"

static const eq_window_fields fields = {.padding = 0, .stride_x = 1, .stride_y = 2, .dilation_x = 4, .dilation_y = 5};
enum { ACTIVATION = 3 }; /* field of the options */

static eq_status check_shapes(eq_plan *plan, const eq_operator *op, const eq_tensor *input, const eq_tensor *weights) {
    if (input->rank != 4 || weights->rank != 4) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input and weights must have four dimensions");
    }
    if (input->dims[3] % weights->dims[3] != 0 || weights->dims[0] % (input->dims[3] / weights->dims[3]) != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "%d channels cannot be cut into groups of %d for %d output channels",
                            (int)input->dims[3], (int)weights->dims[3], (int)weights->dims[0]);
    }
    return EQ_OK;
}

eq_status eq_conv_read(eq_plan *plan, const eq_operator *op, eq_window *window, int32_t *activation) {
    eq_status status = eq_plan_arity(plan, op, 2, 3, 1u << 2, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    status = check_shapes(plan, op, input, weights);
    if (status == EQ_OK) {
        status = eq_window_read(plan, op, &fields, input->dims[1], input->dims[2], weights->dims[1], weights->dims[2], window);
    }
    if (status != EQ_OK) {
        return status;
    }
    *activation = eq_option_byte(op, ACTIVATION, 0);
    return eq_plan_shape(plan, op, 0, 4, (int32_t[]){input->dims[0], window->out_height, window->out_width, weights->dims[0]});
}
