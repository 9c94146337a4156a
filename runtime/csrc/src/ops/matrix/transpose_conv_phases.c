#include "transpose_conv_phases.h"

#include <string.h>

#include "base/memory.h"
#include "ops/move/move.h"

static int32_t first_quotient(int32_t before, int32_t stride) {
    return before / stride;
}

static int32_t quotients(int32_t out, int32_t before, int32_t stride) {
    return (int32_t)(((int64_t)out - 1 + before) / stride) - first_quotient(before, stride) + 1;
}

static int32_t beyond(int64_t reach, int32_t size) {
    return reach > size ? (int32_t)(reach - size) : 0;
}

static eq_window window_of(const eq_transpose_conv *conv) {
    const int32_t *w = conv->weights->dims, *out = conv->output->dims, *in = conv->input->dims;
    const int32_t height = (w[1] - 1) / conv->stride_y + 1, width = (w[2] - 1) / conv->stride_x + 1;
    const int32_t out_height = quotients(out[1], conv->top, conv->stride_y);
    const int32_t out_width = quotients(out[2], conv->left, conv->stride_x);
    const int32_t top = height - 1 - first_quotient(conv->top, conv->stride_y);
    const int32_t left = width - 1 - first_quotient(conv->left, conv->stride_x);
    return (eq_window){.height = height,
                       .width = width,
                       .stride_y = 1,
                       .stride_x = 1,
                       .dilation_y = 1,
                       .dilation_x = 1,
                       .out_height = out_height,
                       .out_width = out_width,
                       .pad = {.top = top,
                               .left = left,
                               .bottom = beyond((int64_t)out_height + height - 1 - top, in[1]),
                               .right = beyond((int64_t)out_width + width - 1 - left, in[2])}};
}

/* The taps of all columns of a place, in reverse order. */
static void copy_place(const eq_transpose_conv *conv, const eq_window *window, int32_t place, int8_t *to) {
    const int32_t *w = conv->weights->dims, first_y = place / conv->stride_x, first_x = place % conv->stride_x;
    for (int32_t n = 0; n < w[0]; ++n) {
        for (int32_t i = window->height - 1; i >= 0; --i) {
            for (int32_t j = window->width - 1; j >= 0; --j, to += w[3]) {
                const int64_t y = first_y + (int64_t)i * conv->stride_y, x = first_x + (int64_t)j * conv->stride_x;
                if (y < w[1] && x < w[2]) {
                    const ptrdiff_t tap = ((ptrdiff_t)n * w[1] + (ptrdiff_t)y) * w[2] + (ptrdiff_t)x;
                    memcpy(to, (const int8_t *)conv->weights->data + tap * w[3], (size_t)w[3]);
                }
            }
        }
    }
}

/* `bytes` of values, once for each place; NULL with the error written. */
static void *repeat(eq_plan *plan, const void *values, size_t bytes, int32_t places) {
    uint8_t *copies = eq_plan_take(plan, eq_size_times(bytes, (size_t)places));
    for (int32_t i = 0; copies && i < places; ++i) {
        memcpy(copies + (size_t)i * bytes, values, bytes);
    }
    return copies;
}

static eq_status fill_weights(eq_plan *plan, const eq_transpose_conv *conv, eq_transpose_phases *p) {
    const int32_t *w = conv->weights->dims, places = eq_transpose_conv_places(conv);
    const size_t taps = eq_size_times((size_t)p->window.height * (size_t)p->window.width, (size_t)w[3]);
    const size_t place_bytes = eq_size_times(taps, (size_t)w[0]);
    int8_t *values = eq_plan_take(plan, eq_size_times(place_bytes, (size_t)places));
    if (!values) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < places; ++i) {
        copy_place(conv, &p->window, i, values + (size_t)i * place_bytes);
    }
    p->weights = *conv->weights;
    p->weights.data = values;
    p->weights.dims[0] = p->columns;
    p->weights.dims[1] = p->window.height;
    p->weights.dims[2] = p->window.width;
    if (conv->weights->scale_count == w[0]) { /* one scale for all may be left out of this, but need not */
        p->weights.scale_count = p->columns;
        p->weights.scales = repeat(plan, conv->weights->scales, (size_t)w[0] * sizeof(float), places);
        p->weights.zero_points = repeat(plan, conv->weights->zero_points, (size_t)w[0] * sizeof(int32_t), places);
    }
    return p->weights.scales && p->weights.zero_points ? EQ_OK : (eq_status)plan->error->status;
}

static eq_status fill_bias(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv, eq_transpose_phases *p) {
    const eq_tensor *bias = &plan->tensors[conv->bias_tensor].tensor;
    if (!bias->data || eq_tensor_elements(bias) != conv->weights->dims[0]) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the bias must be a constant with a value for each output channel");
    }
    const size_t bytes = (size_t)conv->weights->dims[0] * (size_t)eq_type_size(bias->type);
    p->bias = *bias;
    p->bias.rank = 1;
    p->bias.dims[0] = p->columns;
    p->bias.data = repeat(plan, bias->data, bytes, eq_transpose_conv_places(conv));
    return p->bias.data ? EQ_OK : (eq_status)plan->error->status;
}

eq_status eq_transpose_phases_make(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv,
                                   eq_transpose_phases *p) {
    const int64_t columns = (int64_t)conv->weights->dims[0] * eq_transpose_conv_places(conv);
    if (columns > INT32_MAX) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "has too many output channels for its strides");
    }
    if (!conv->weights->data || conv->weights->scale_count == 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "the weights must be quantized constants");
    }
    *p = (eq_transpose_phases){.window = window_of(conv), .columns = (int32_t)columns};
    const int32_t dims[] = {conv->input->dims[0], p->window.out_height, p->window.out_width, p->columns};
    p->made = eq_plan_temporary(plan, conv->output->type, 4, dims);
    if (p->made < 0) {
        return (eq_status)plan->error->status;
    }
    eq_tensor *made = &plan->tensors[p->made].tensor;
    made->scale_count = conv->output->scale_count;
    made->scales = conv->output->scales;
    made->zero_points = conv->output->zero_points;
    const eq_status status = fill_weights(plan, conv, p);
    return status == EQ_OK && conv->bias_tensor >= 0 ? fill_bias(plan, op, conv, p) : status;
}

static eq_move place_move(const eq_transpose_conv *conv, const eq_tensor *made, int32_t place) {
    const eq_transpose_part part = eq_transpose_conv_part(conv, place);
    const eq_tensor *out = conv->output;
    const int32_t columns = out->dims[3];
    const int32_t y = (part.out_y + conv->top) / conv->stride_y - first_quotient(conv->top, conv->stride_y);
    const int32_t x = (part.out_x + conv->left) / conv->stride_x - first_quotient(conv->left, conv->stride_x);
    eq_move move = eq_move_of(out, 0, 0);
    move.in = eq_place_sum(eq_place_along(made, 1, y),
                           eq_place_sum(eq_place_along(made, 2, x), eq_place_along(made, 3, (ptrdiff_t)place * columns)));
    move.out = eq_place_sum(eq_place_along(out, 1, part.out_y), eq_place_along(out, 2, part.out_x));
    eq_move_loop_inside(&move, out->dims[0], eq_place_along(made, 0, 1), eq_place_along(out, 0, 1));
    eq_move_loop_inside(&move, part.out_height, eq_place_along(made, 1, 1), eq_place_along(out, 1, conv->stride_y));
    eq_move_loop_inside(&move, part.out_width, eq_place_along(made, 2, 1), eq_place_along(out, 2, conv->stride_x));
    eq_move_loop_inside(&move, columns, eq_place_along(made, 3, 1), eq_place_along(out, 3, 1));
    return move;
}

eq_status eq_transpose_phases_move(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv,
                                   const eq_transpose_phases *phases) {
    const int32_t places = eq_transpose_conv_places(conv);
    eq_move *moves = eq_plan_take(plan, (size_t)places * sizeof *moves);
    int32_t count = 0;
    if (!moves) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < places; ++i) {
        const eq_transpose_part part = eq_transpose_conv_part(conv, i);
        if (part.out_height > 0 && part.out_width > 0) {
            moves[count++] = place_move(conv, &plan->tensors[phases->made].tensor, i);
        }
    }
    return eq_move_step(plan, op, moves, count, &phases->made, &conv->out_tensor);
}
