/* Matrix products of dynamic range on ARMv8.0. */
#include "kernels/kernels.h"
#include "rows.h"
#include "tile_sums.h"

#define PREFIX(name) eq_neon64_##name
#define MOST_ROWS 4
#define NO_MINIMUM true

EQ_INLINE void sum_4_columns(int32x4_t sums[8][2], const int half, const taps_of_4 *taps, const int8_t *weights) {
    int32x4_t parts[16];
    multiply_tile(taps, weights + 64 * half, parts);
    EQ_UNROLL
    for (int r = 0; r < 4; r++) {
        sums[r][half] = sums_of_parts(parts + 4 * r);
    }
}

typedef taps_of_4 taps_source, taps_of_rows;

EQ_INLINE taps_source source_of_taps(const eq_line *line, const int8_t *block, int32_t chunks) {
    (void)line;
    return taps_of_4_rows(block, chunks * GROUP);
}

EQ_INLINE taps_of_rows take_taps(const taps_source *source, const eq_line *line, const int8_t *const *in, int8_t *block) {
    eq_interleave_rows(line, in, block, 4);
    return *source;
}

/* 16 sums fill half the registers: four columns, then the others. */
EQ_INLINE void sum_tile(int32x4_t sums[8][2], const void *taps, int32_t chunks, const int8_t *weights, const int rows) {
    if (rows == 1) {
        int32x4_t parts[8];
        multiply_row(taps, weights, chunks, parts);
        sums[0][0] = sums_of_parts(parts);
        sums[0][1] = sums_of_parts(parts + 4);
        return;
    }
    sum_4_columns(sums, 0, taps, weights);
    sum_4_columns(sums, 1, taps, weights);
}

#include "gemm_dynamic_tiles.h"
