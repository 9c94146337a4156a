#include "set.h"

#include "dot.h"

#include "kernels/avx2/gemm_template.h"
