/* Float matrix products. */
#include "floats.h"

#include "set.h"

#include "kernels/gemm_f32_template.h"
