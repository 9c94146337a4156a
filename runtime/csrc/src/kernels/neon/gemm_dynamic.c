/* Matrix products of dynamic range: on AArch64 only those whose weights or windows the tiles do not take. */
#include "set.h"

#define PREFIX(name) eq_neon_##name
#include "kernels/gemm_dynamic_template.h"
