/* Transforms of Winograd's float convolutions. */
#include "floats.h"

#include "set.h"

#define NARROWER_SET(name) eq_avx2_##name
#include "kernels/winograd_f32_template.h"
