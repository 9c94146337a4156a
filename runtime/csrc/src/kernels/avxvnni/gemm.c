#include "set.h"

#include "dot.h"

#include "../avx2/gemm_template.h"
