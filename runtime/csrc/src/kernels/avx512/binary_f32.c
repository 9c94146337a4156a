/* Elementwise operators of two float32 inputs. */
#include "set.h"

#define PREFIX(name) eq_avx512_##name
#define EQ_EVERY_BINARY
#include "kernels/binary_f32_template.h"
