/* Transforms of Winograd's float convolutions. */
#include "floats.h"

#include "set.h"

#include "kernels/winograd_f32_template.h"
