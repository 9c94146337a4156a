/* Matrix products of dynamic range with SDOT. */
#include "set.h"
#include "tile_sums.h"

#define PREFIX(name) eq_dotprod_##name
#define MOST_ROWS 8
#define NO_MINIMUM false

typedef taps_of_8 taps_of_rows;

typedef struct taps_source {
    taps_of_8 in_block, in_image;
    bool may_lie; /* in the image */
} taps_source;

EQ_INLINE taps_source source_of_taps(const eq_line *line, const int8_t *block, int32_t groups) {
    taps_source source = {.in_block = taps_in_block(block, groups)};
    source.may_lie = may_lie_interleaved(line, &source.in_image);
    return source;
}

EQ_INLINE taps_of_rows take_taps(const taps_source *source, const eq_line *line, const int8_t *const *in, int8_t *block) {
    bool adjacent = source->may_lie;
    for (int r = 1; adjacent && r < 8; r++) {
        adjacent = in[r] == in[0] + 16 * r;
    }
    return taps_of_windows(line, in, block, &source->in_block, adjacent ? &source->in_image : NULL);
}

EQ_INLINE void sum_tile(int32x4_t sums[8][2], const void *taps, int32_t groups, const int8_t *weights, const int rows) {
    static const int32_t zeros[16];
    if (rows == 8) {
        sum_8_rows(sums, zeros, taps, weights);
    } else {
        sum_row(sums, zeros, taps, weights, groups);
    }
}

#include "kernels/neon64/gemm_dynamic_tiles.h"
