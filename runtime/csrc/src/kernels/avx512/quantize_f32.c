/* Floats to int8 by their range. */
#include "set.h"

#define PREFIX(name) eq_avx512_##name
#define RANGE_LANES 64
#include "kernels/quantize_f32_template.h"
