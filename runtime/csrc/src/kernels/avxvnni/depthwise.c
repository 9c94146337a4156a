#include "set.h"

#include "dot.h"

#include "../avx2/depthwise_template.h"
