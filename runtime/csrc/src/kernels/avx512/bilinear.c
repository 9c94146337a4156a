#include "set.h"

#define EQ_BILINEAR eq_avx512_bilinear
#include "kernels/avx2/bilinear_template.h"
