#include "halves.h"

#include "arithmetic/half.h"

uint16_t eq_scalar_narrow_half(float x) {
    return eq_half_from_float(x);
}

float eq_scalar_widen_half(uint16_t half) {
    return eq_half_to_float(half);
}

float eq_scalar_fuse_halves(float a, float b, float c) {
    return eq_half_fused(a, b, c);
}
