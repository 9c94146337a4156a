#include "set.h"

#include <arm_neon.h>

#include "kernels/inline.h"

/* Pairs of 16-bit products widen before they could overflow. */
EQ_INLINE int32x4_t add_products(int32x4_t sums, int8x16_t a, int8x16_t b) {
    sums = vpadalq_s16(sums, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    return vpadalq_s16(sums, vmull_s8(vget_high_s8(a), vget_high_s8(b)));
}

#define ADD_PRODUCTS add_products
#include "dot_template.h"

void eq_neon_dot(const int8_t *a, const int8_t *b, int32_t depth, int32_t columns, int32_t *sums) {
    multiply_columns(a, b, depth, columns, sums);
}
