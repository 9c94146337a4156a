/* Elementwise functions of float32. */
#include "set.h"

#define PREFIX(name) eq_scalar_##name
#define UNARY_LANES 4
#include "kernels/unary_f32_template.h"
