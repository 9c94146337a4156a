#include "set.h"

void eq_scalar_add_fixed(eq_fixed factor, const int32_t *acc, const int32_t *bias, int16_t *sums, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const int64_t sum = (int64_t)sums[i] + eq_fixed_multiply(eq_add_wrapping(acc[i], bias[i]), factor);
        sums[i] = (int16_t)(sum < INT16_MIN ? INT16_MIN : sum > INT16_MAX ? INT16_MAX : sum);
    }
}
