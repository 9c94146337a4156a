/* Matrix products of dynamic range with SDOT. */
#include "set.h"
#include "tile_sums.h"

#define PREFIX(name) eq_dotprod_##name
#define MOST_ROWS 8
#define NO_MINIMUM false

EQ_INLINE void sum_tile(int32x4_t sums[8][2], const int8_t *taps, int32_t groups, const int8_t *packed,
                        const eq_dynamic_scale *scales, const int rows) {
    static const int32_t zeros[16];
    const int32x4_t low = vld1q_s32((const void *)packed), high = vld1q_s32((const void *)(packed + 16));
    if (rows == 8) {
        const taps_of_8 t = taps_in_block(taps, groups);
        sum_8_rows(sums, zeros, &t, packed + 32);
    } else {
        sum_row(sums, zeros, taps, packed + 32, groups);
    }
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        sums[r][0] = vmlsq_n_s32(sums[r][0], low, scales[r].zero_point);
        sums[r][1] = vmlsq_n_s32(sums[r][1], high, scales[r].zero_point);
    }
}

#include "kernels/neon64/gemm_dynamic_tiles.h"
