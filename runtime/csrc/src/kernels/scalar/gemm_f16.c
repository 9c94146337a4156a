/* Float16 matrix products: the specification. */
#include "halves.h"

#include "set.h"

#include "kernels/gemm_f32_template.h"
