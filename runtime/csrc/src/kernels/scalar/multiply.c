/* out = requantize((a - a_zero_point) * (b - b_zero_point)): XNNPACK's qs8-vmul, fp32 requantization. */
#include "set.h"

#include "arithmetic/arithmetic.h"

static int8_t multiply(const eq_multiply *p, int8_t a, int8_t b) {
    const int32_t product = (a - p->a_zero_point) * (b - p->b_zero_point);
    return eq_requantize(product, p->scale, p->zero_point, p->min, p->max);
}

void eq_scalar_multiply(const eq_multiply *p, const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = multiply(p, a[i], b[i]);
    }
}

void eq_scalar_multiply_scalar(const eq_multiply *p, const int8_t *a, int8_t b, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = multiply(p, a[i], b);
    }
}
