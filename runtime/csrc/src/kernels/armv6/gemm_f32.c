/* Float matrix products without fused multiply-add. */
#include "floats.h"

#include "set.h"

#include "kernels/gemm_f32_template.h"
