#include "set.h"

#define EQ_NAMED(name) eq_avx2_##name
#include "kernels/avx2/maximum_template.h"
