/* The products of a row and the columns of a matrix that is known only now. A set defines ADD_PRODUCTS(sums, a, b), the
 * products of 16 bytes each added to four sums; exact for all values. */
#include <arm_neon.h>

#include "kernels/inline.h"

/* The sum of each vector's lanes. */
EQ_INLINE int32x4_t lane_sums(const int32x4_t v[4]) {
#ifdef __aarch64__
    return vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3]));
#else
    int32x2_t pairs[4];
    EQ_UNROLL
    for (int i = 0; i < 4; i++) {
        pairs[i] = vpadd_s32(vget_low_s32(v[i]), vget_high_s32(v[i]));
    }
    return vcombine_s32(vpadd_s32(pairs[0], pairs[1]), vpadd_s32(pairs[2], pairs[3]));
#endif
}

EQ_INLINE void multiply_columns(const int8_t *a, const int8_t *b, int32_t depth, int32_t columns, int32_t *sums) {
    const ptrdiff_t column = depth;
    for (int32_t n = 0; n < columns; n += 4, b += 4 * column, sums += 4) {
        int32x4_t s[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
        for (ptrdiff_t k = 0; k < column; k += 16) {
            const int8x16_t x = vld1q_s8(a + k);
            EQ_UNROLL
            for (int i = 0; i < 4; i++) {
                s[i] = ADD_PRODUCTS(s[i], x, vld1q_s8(b + k + i * column));
            }
        }
        vst1q_s32(sums, lane_sums(s));
    }
}
