/* Float layers inside int8 models: simple loops, sums in a fixed order, so the same results everywhere. */
#ifndef EQ_FLOAT_LAYERS_H
#define EQ_FLOAT_LAYERS_H

#include "ops/window.h"

/* Weights (columns, height, width, channels / groups); the output has its shape. */
eq_status eq_float_conv_plan(eq_plan *plan, const eq_operator *op, const eq_window *window, int32_t groups, int32_t activation);
/* Weights (1, height, width, channels * multiplier). */
eq_status eq_float_depthwise_plan(eq_plan *plan, const eq_operator *op, const eq_window *window, int32_t activation);
/* Weights (columns, depth); input and output are `rows` vectors. */
eq_status eq_float_fully_connected_plan(eq_plan *plan, const eq_operator *op, int32_t rows, int32_t activation);

#endif
