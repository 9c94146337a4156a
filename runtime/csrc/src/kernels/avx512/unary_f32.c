/* Elementwise functions of float32. */
#include "set.h"

#define PREFIX(name) eq_avx512_##name
#define UNARY_LANES 16
#include "kernels/unary_f32_template.h"
