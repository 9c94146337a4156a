/* Float products over windows of volumes, tensors (batch, depth, height, width, channels): the way of CONV_3D and CONV_3D_TRANSPOSE
 * to the kernel gemm_f32.
 *
 * A product has parts, each of which computes some of the output's pixels. Along each axis a part computes the pixels out + k * out_step,
 * k < count, from the pixels in + k * in_step + j * tap_step with the taps tap + j * weight_step of the weights, j < taps. */
#ifndef EQ_PRODUCT_3D_H
#define EQ_PRODUCT_3D_H

#include "plan/plan.h"

enum { EQ_AXES_3D = 3 }; /* depth, height, width */

typedef struct eq_axis_3d {
    int32_t count, out, out_step;
    int32_t in, in_step, tap_step; /* a pixel before 0 or past the end is 0 */
    int32_t taps, tap, weight_step;
} eq_axis_3d;

typedef struct eq_part_3d {
    eq_axis_3d axes[EQ_AXES_3D];
} eq_part_3d;

typedef struct eq_product_3d {
    int32_t in_tensor, weights, bias, out_tensor; /* all float32; bias may be -1 */
    /* Elements of the weights, (depth, height, width, ...), between columns and between channels. */
    ptrdiff_t column_stride, channel_stride;
    float min, max;
    int32_t part_count;
    const eq_part_3d *parts;
} eq_product_3d;

/* What the two options tables have in common: stride, dilation and padding of each axis. */
typedef struct eq_options_3d {
    int32_t stride[EQ_AXES_3D], dilation[EQ_AXES_3D];
    bool same; /* or valid */
    float min, max;
} eq_options_3d;

eq_status eq_options_3d_read(eq_plan *plan, const eq_operator *op, eq_options_3d *options);

/* Appends the steps. The output has its shape. */
eq_status eq_product_3d_plan(eq_plan *plan, const eq_operator *op, const eq_product_3d *product);

#endif
