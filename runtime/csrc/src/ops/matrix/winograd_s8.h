/* Convolutions that the kernel set's Winograd kernel does with fewer products, and the same results. */
#ifndef EQ_WINOGRAD_S8_H
#define EQ_WINOGRAD_S8_H

#include "gemm_driver.h"

/* Whether the layer is a 3x3 convolution with stride 1 that gains by it. Depends on the file and the kernel set alone: all sessions of
 * a model share its packed weights. */
bool eq_winograd_suits(const eq_plan *plan, const eq_operator *op, const eq_gemm_layer *layer, const eq_window *window);

/* Pack the weights of a layer of one part and append its step. */
eq_status eq_winograd_plan(eq_plan *plan, const eq_operator *op, const eq_gemm_layer *layer);

#endif
