/* Float depthwise convolutions. */
#include "floats.h"

#include "set.h"

#include "kernels/depthwise_f32_template.h"
