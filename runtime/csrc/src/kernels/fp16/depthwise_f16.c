#include "halves.h"

#include "set.h"

#include "kernels/depthwise_f32_template.h"
