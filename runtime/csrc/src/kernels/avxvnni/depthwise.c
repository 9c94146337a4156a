#include "set.h"

#include "dot.h"

#include "kernels/avx2/depthwise_template.h"
