/* Matrix products of dynamic range with SDOT. */
#include "set.h"
#include "tile_sums.h"

#define PREFIX(name) eq_dotprod_##name
#define MOST_ROWS 8
#define NO_MINIMUM false

EQ_INLINE void sum_tile(int32x4_t sums[8][2], const int8_t *taps, int32_t groups, const int8_t *packed,
                        const eq_dynamic_scale *scales, const int rows) {
    const int32x4_t low = vld1q_s32((const void *)packed), high = vld1q_s32((const void *)(packed + 16));
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        sums[r][0] = vmulq_n_s32(low, -scales[r].zero_point);
        sums[r][1] = vmulq_n_s32(high, -scales[r].zero_point);
    }
    add_groups(sums, taps, packed + 32, groups, rows);
}

#include "kernels/neon64/gemm_dynamic_tiles.h"
