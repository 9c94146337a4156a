#include "set.h"

void eq_scalar_rescale(const eq_rescale *p, const int32_t *acc, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const int32_t value = eq_add_wrapping(eq_fixed_multiply(acc[i], p->factor), p->zero_point);
        out[i] = (int8_t)eq_clamp(value, p->min, p->max);
    }
}
