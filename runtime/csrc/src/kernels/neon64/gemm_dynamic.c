/* Matrix products of dynamic range on ARMv8.0. */
#include "kernels/kernels.h"
#include "tile_sums.h"

#define PREFIX(name) eq_neon64_##name
#define MOST_ROWS 4
#define NO_MINIMUM true

EQ_INLINE int32x4_t less_zero_point(int32x4_t sums, const int8_t *weight_sums, eq_dynamic_scale scale) {
    return vmlsq_n_s32(sums, vld1q_s32((const void *)weight_sums), scale.zero_point);
}

EQ_INLINE void sum_4_columns(int32x4_t sums[8][2], const int half, const taps_of_4 *taps, const int8_t *packed,
                             const eq_dynamic_scale *scales) {
    int32x4_t parts[16];
    multiply_tile(taps, packed + 32 + 64 * half, parts);
    EQ_UNROLL
    for (int r = 0; r < 4; r++) {
        sums[r][half] = less_zero_point(sums_of_parts(parts + 4 * r), packed + 16 * half, scales[r]);
    }
}

/* 16 sums fill half the registers: four columns, then the others. */
EQ_INLINE void sum_tile(int32x4_t sums[8][2], const int8_t *taps, int32_t chunks, const int8_t *packed,
                        const eq_dynamic_scale *scales, const int rows) {
    if (rows == 1) {
        int32x4_t parts[8];
        multiply_row(taps, packed + 32, chunks, parts);
        sums[0][0] = less_zero_point(sums_of_parts(parts), packed, *scales);
        sums[0][1] = less_zero_point(sums_of_parts(parts + 4), packed + 16, *scales);
        return;
    }
    const taps_of_4 four = taps_of_4_rows(taps, chunks * GROUP);
    sum_4_columns(sums, 0, &four, packed, scales);
    sum_4_columns(sums, 1, &four, packed, scales);
}

#include "gemm_dynamic_tiles.h"
