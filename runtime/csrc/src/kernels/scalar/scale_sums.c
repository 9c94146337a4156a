#include "arithmetic/arithmetic.h"
#include "set.h"

void eq_scalar_scale_sums(const int32_t *sums, float scale, float offset, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        out[i] = eq_scale_sum(sums[i], scale, offset);
    }
}
