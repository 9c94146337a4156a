#include <arm_neon.h>

#include "kernels/inline.h"
#include "set.h"

enum { BLOCK_ROWS = 4, BLOCK_COLUMNS = 4 };

EQ_INLINE uint32x4_t load_row(const int8_t *from) {
    return vreinterpretq_u32_s8(vld1q_s8(from));
}

EQ_INLINE void store_row(int8_t *to, uint32x2_t low, uint32x2_t high) {
    vst1q_s8(to, vreinterpretq_s8_u32(vcombine_u32(low, high)));
}

EQ_INLINE void transpose_block(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride) {
    const uint32x4x2_t top = vtrnq_u32(load_row(in), load_row(in + in_stride));
    const uint32x4x2_t bottom = vtrnq_u32(load_row(in + 2 * in_stride), load_row(in + 3 * in_stride));
    store_row(out, vget_low_u32(top.val[0]), vget_low_u32(bottom.val[0]));
    store_row(out + out_stride, vget_low_u32(top.val[1]), vget_low_u32(bottom.val[1]));
    store_row(out + 2 * out_stride, vget_high_u32(top.val[0]), vget_high_u32(bottom.val[0]));
    store_row(out + 3 * out_stride, vget_high_u32(top.val[1]), vget_high_u32(bottom.val[1]));
}

#define PREFIX(name) eq_neon_##name
#include "kernels/transpose_4_template.h"
