/* Floats to int8 by their range. */
#include "set.h"

#define PREFIX(name) eq_scalar_##name
#define RANGE_LANES 8
#include "kernels/quantize_f32_template.h"
