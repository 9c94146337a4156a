/* Floats to int8 by their range. */
#include "set.h"

#define PREFIX(name) eq_avx2_##name
#define RANGE_LANES 32
#include "kernels/quantize_f32_template.h"
