#include "window.h"

enum { SAME = 0, VALID = 1 };    /* the schema's Padding */
enum { MOST_PADDING = 1 << 16 }; /* pixels on a side; more is no network but an attack on our memory */

typedef struct extent { /* one of the two directions */
    int32_t in, taps, stride, dilation;
    int32_t out, before, after;
} extent;

static bool place(extent *e, int32_t padding) {
    const int64_t reach = ((int64_t)e->taps - 1) * e->dilation + 1;
    const int64_t room = padding == SAME ? e->in : e->in - reach + 1;
    const int64_t out = (room + e->stride - 1) / e->stride;
    if (room < 1 || reach > INT32_MAX) {
        return false;
    }
    const int64_t missing = (out - 1) * e->stride + reach - e->in;
    const int64_t total = missing > 0 ? missing : 0;
    e->out = (int32_t)out;
    e->before = (int32_t)(total / 2);
    e->after = (int32_t)(total - total / 2);
    return total <= MOST_PADDING;
}

eq_status eq_window_read(eq_plan *plan, const eq_operator *op, const eq_window_fields *fields, int32_t in_height,
                         int32_t in_width, int32_t height, int32_t width, eq_window *window) {
    const int32_t padding = eq_option_byte(op, fields->padding, SAME);
    extent y = {.in = in_height, .taps = height, .stride = eq_option_int(op, fields->stride_y, 0), .dilation = 1};
    extent x = {.in = in_width, .taps = width, .stride = eq_option_int(op, fields->stride_x, 0), .dilation = 1};
    if (fields->dilation_y >= 0) {
        y.dilation = eq_option_int(op, fields->dilation_y, 1);
        x.dilation = eq_option_int(op, fields->dilation_x, 1);
    }
    if (padding != SAME && padding != VALID) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "padding %d does not exist", (int)padding);
    }
    if (height < 1 || width < 1 || y.stride < 1 || x.stride < 1 || y.dilation < 1 || x.dilation < 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "window, strides and dilations must be 1 or more");
    }
    if (!place(&y, padding) || !place(&x, padding)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "a window of %d x %d does not fit an image of %d x %d", (int)height,
                            (int)width, (int)in_height, (int)in_width);
    }
    *window = (eq_window){
        .height = height,
        .width = width,
        .stride_y = y.stride,
        .stride_x = x.stride,
        .dilation_y = y.dilation,
        .dilation_x = x.dilation,
        .out_height = y.out,
        .out_width = x.out,
        .pad = {.top = y.before, .bottom = y.after, .left = x.before, .right = x.after},
    };
    return EQ_OK;
}

int32_t eq_window_absorb_pad(const eq_plan *plan, int32_t tensor, eq_window *window) {
    const eq_plan_tensor *padded = &plan->tensors[tensor];
    if (padded->pad_source < 0) {
        return tensor;
    }
    const eq_tensor *source = &plan->tensors[padded->pad_source].tensor;
    const eq_halo *pad = &padded->pad;
    const bool fits =
        pad->top <= MOST_PADDING && pad->bottom <= MOST_PADDING && pad->left <= MOST_PADDING && pad->right <= MOST_PADDING;
    const bool same_zero = source->type != EQ_INT8 || (source->scale_count == 1 && padded->tensor.scale_count == 1 &&
                                                       source->zero_points[0] == padded->tensor.zero_points[0]);
    if (!fits || !same_zero) {
        return tensor;
    }
    window->pad.top += pad->top;
    window->pad.bottom += pad->bottom;
    window->pad.left += pad->left;
    window->pad.right += pad->right;
    return padded->pad_source;
}
