#include "set.h"

#include "dot.h"

#include "depthwise_template.h"
