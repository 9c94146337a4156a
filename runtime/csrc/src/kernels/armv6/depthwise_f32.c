/* Float depthwise convolutions without fused multiply-add. */
#include "floats.h"

#include "set.h"

#include "kernels/depthwise_f32_template.h"
