/* The windows of an image that a convolution or pooling looks at: (batch, height, width, channels) tensors. */
#ifndef EQ_WINDOW_H
#define EQ_WINDOW_H

#include "plan/plan.h"

typedef struct eq_window {
    int32_t height, width; /* taps */
    int32_t stride_y, stride_x, dilation_y, dilation_x;
    int32_t out_height, out_width;
    eq_halo pad; /* pixels around the image that the windows reach */
} eq_window;

/* Field numbers of an option table; the dilations -1 where it has none. */
typedef struct eq_window_fields {
    int32_t padding, stride_x, stride_y, dilation_x, dilation_y;
} eq_window_fields;

/* Read and check the options, and place windows of `height` x `width` taps on an image of `in_height` x `in_width` pixels. */
eq_status eq_window_read(eq_plan *plan, const eq_operator *op, const eq_window_fields *fields, int32_t in_height,
                         int32_t in_width, int32_t height, int32_t width, eq_window *window);

/* If `tensor` is only a padded copy of another with the same quantization, read that one and let the windows reach further.
 * Returns the tensor to read. */
int32_t eq_window_absorb_pad(const eq_plan *plan, int32_t tensor, eq_window *window);

#endif
