/* A transposed convolution of quantized values as an ordinary one of stride 1, whose columns are those of every place of the stride side
 * by side, and moves that bring its results to their pixels. A place that lacks a tap has zeros there, which changes no sum of
 * integers. */
#ifndef EQ_TRANSPOSE_CONV_PHASES_H
#define EQ_TRANSPOSE_CONV_PHASES_H

#include "transpose_conv.h"

typedef struct eq_transpose_phases {
    eq_window window;
    int32_t columns;         /* of the convolution */
    eq_tensor weights, bias; /* (columns, window height, window width, channels), and (columns) if there is a bias */
    int32_t made;            /* tensor of the convolution's results: (batch, height, width, columns) */
} eq_transpose_phases;

/* Before the convolution is planned: weights and bias, constants of the transposed one, and a tensor for its results. */
eq_status eq_transpose_phases_make(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv,
                                   eq_transpose_phases *phases);

/* After it. */
eq_status eq_transpose_phases_move(eq_plan *plan, const eq_operator *op, const eq_transpose_conv *conv,
                                   const eq_transpose_phases *phases);

#endif
