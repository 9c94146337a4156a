/* Elementwise functions of float32. */
#include "set.h"

#define PREFIX(name) eq_avx2_##name
#include "kernels/unary_f32_template.h"
