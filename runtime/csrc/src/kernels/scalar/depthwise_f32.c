/* Float depthwise convolutions, the specification: a sum begins with the bias, and each tap is added by one fused multiply-add. */
#include "floats.h"

#include "set.h"

#include "kernels/depthwise_f32_template.h"
