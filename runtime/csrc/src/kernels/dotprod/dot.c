#include "set.h"

#include <arm_neon.h>

#define ADD_PRODUCTS vdotq_s32
#include "kernels/neon/dot_template.h"

void eq_dotprod_dot(const int8_t *a, const int8_t *b, int32_t depth, int32_t columns, int32_t *sums) {
    multiply_columns(a, b, depth, columns, sums);
}
