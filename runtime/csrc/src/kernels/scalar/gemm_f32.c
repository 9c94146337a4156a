/* Float matrix products, the specification: a sum begins with the bias, and each tap is added by one fused multiply-add. */
#include "floats.h"

#include "set.h"

#include "kernels/gemm_f32_template.h"
