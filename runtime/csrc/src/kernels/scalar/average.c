#include "arithmetic/arithmetic.h"
#include "set.h"

void eq_scalar_average(const int32_t *sums, int32_t count, int32_t shift, int32_t min, int32_t max, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        const int32_t half = sums[i] > 0 ? count / 2 : -(count / 2);
        out[i] = (int8_t)eq_clamp((sums[i] + half) / count - shift, min, max);
    }
}
