#include "arithmetic/half.h"

#include "set.h"

void eq_scalar_widen_f16(const uint16_t *in, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = eq_half_to_float(in[i]);
    }
}

void eq_scalar_narrow_f16(const float *in, uint16_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = eq_half_from_float(in[i]);
    }
}
