#include "layers.h"
#include "ops/move/move.h"

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

int32_t eq_depthwise_repeat_channels(eq_plan *plan, const eq_operator *op, int32_t tensor, int32_t times) {
    const eq_tensor *in = &plan->tensors[tensor].tensor;
    const int32_t dims[4] = {in->dims[0], in->dims[1], in->dims[2], in->dims[3] * times};
    const int32_t to = eq_plan_temporary(plan, in->type, 4, dims);
    if (to < 0) {
        return -1;
    }
    const eq_tensor *from = &plan->tensors[tensor].tensor, *made = &plan->tensors[to].tensor;
    eq_move move = eq_move_of(from, 0, 0);
    for (int32_t i = 0; i < 4; ++i) {
        eq_move_loop_inside(&move, from->dims[i], eq_place_along(from, i, 1), eq_place_along(made, i, i == 3 ? times : 1));
    }
    eq_move_loop_inside(&move, times, (eq_place){0}, eq_place_along(made, 3, 1));
    return eq_move_step(plan, op, &move, 1, &tensor, &to) == EQ_OK ? to : -1;
}
