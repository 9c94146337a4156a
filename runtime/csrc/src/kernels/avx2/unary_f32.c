/* Elementwise functions of float32. */
#include "set.h"

#define PREFIX(name) eq_avx2_##name
#define UNARY_LANES 8
#include "kernels/unary_f32_template.h"
