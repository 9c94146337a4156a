#include "set.h"

#include "dot.h"

#include "gemm_template.h"
