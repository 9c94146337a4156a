/* Float convolutions of 3 x 3 taps by Winograd's F(4 x 4, 3 x 3): tiles of 4 x 4 outputs by 36 products for each pair of channels, where
 * the taps one after the other take 144. */
#ifndef EQ_WINOGRAD_F32_H
#define EQ_WINOGRAD_F32_H

#include "kernels/kernels.h"
#include "ops/window.h"

typedef struct eq_winograd_f32 {
    const eq_window *window;
    const eq_tensor *weights, *bias; /* constant; (columns, 3, 3, channels), (columns) or NULL */
    int32_t in_tensor, out_tensor;
    int32_t batch, in_height, in_width;
    float min, max;
} eq_winograd_f32;

/* Whether a CONV_2D is computed so. The window's taps and the shapes in the file decide, which all sessions agree on. */
bool eq_winograd_f32_takes(const eq_plan *plan, const eq_operator *op, const eq_window *window);

eq_status eq_winograd_f32_plan(eq_plan *plan, const eq_operator *op, const eq_winograd_f32 *layer);

#endif
