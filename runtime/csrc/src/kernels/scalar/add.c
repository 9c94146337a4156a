/* out = clamp(((bias + a * a_multiplier + b * b_multiplier) >> shift) + zero_point): XNNPACK's qs8-vadd. */
#include "set.h"

#include "arithmetic/arithmetic.h"

static int8_t add(const eq_add *p, int8_t a, int8_t b) {
    const int32_t sum = p->bias + a * p->a_multiplier + b * p->b_multiplier;
    return (int8_t)eq_clamp((sum >> p->shift) + p->zero_point, p->min, p->max);
}

void eq_scalar_add(const eq_add *p, const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = add(p, a[i], b[i]);
    }
}

void eq_scalar_add_scalar(const eq_add *p, const int8_t *a, int8_t b, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = add(p, a[i], b);
    }
}
