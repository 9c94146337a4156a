/* Matrix products of dynamic range. */
#include "set.h"

#define PREFIX(name) eq_avx2_##name
#include "kernels/gemm_dynamic_template.h"
