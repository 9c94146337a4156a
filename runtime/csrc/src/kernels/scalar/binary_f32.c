/* Elementwise operators of two float32 inputs. */
#include "set.h"

#define PREFIX(name) eq_scalar_##name
#include "kernels/binary_f32_template.h"
