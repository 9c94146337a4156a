/* Matrix products of dynamic range. */
#include "set.h"

#define PREFIX(name) eq_scalar_##name
#include "kernels/gemm_dynamic_template.h"
