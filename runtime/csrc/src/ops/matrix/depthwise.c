#include "layers.h"

static const eq_window_fields fields = {.padding = 0, .stride_x = 1, .stride_y = 2, .dilation_x = 5, .dilation_y = 6};
enum { ACTIVATION = 4 }; /* field of the options */

eq_status eq_depthwise_read(eq_plan *plan, const eq_operator *op, eq_window *window, int32_t *activation) {
    eq_status status = eq_plan_arity(plan, op, 2, 3, 1u << 2, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *input = eq_plan_input(plan, op, 0), *weights = eq_plan_input(plan, op, 1);
    if (input->rank != 4 || weights->rank != 4 || weights->dims[0] != 1 || weights->dims[3] % input->dims[3] != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the weights' shape does not fit the input's");
    }
    status = eq_window_read(plan, op, &fields, input->dims[1], input->dims[2], weights->dims[1], weights->dims[2], window);
    if (status != EQ_OK) {
        return status;
    }
    *activation = eq_option_byte(op, ACTIVATION, 0);
    return eq_plan_shape(plan, op, 0, 4, (int32_t[]){input->dims[0], window->out_height, window->out_width, weights->dims[3]});
}
