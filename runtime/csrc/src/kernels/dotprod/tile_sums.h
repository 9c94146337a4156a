/* Sums of tiles of 8 columns with SDOT, which adds four products to each of four sums: what products of all results share. Packed weights
 * are (taps / 4, 8, 4), rows come from eq_interleave_rows(). */
#ifndef EQ_DOTPROD_TILE_SUMS_H
#define EQ_DOTPROD_TILE_SUMS_H

#include <arm_neon.h>

#include "kernels/inline.h"

enum { GROUP = 4 };

/* The products of the four taps in lane `lane` of each row's chunk `a`. */
#define ADD_LANE(a, lane)                                                     \
    do {                                                                      \
        const int8x16_t low = vld1q_s8(packed), high = vld1q_s8(packed + 16); \
        packed += 32;                                                         \
        EQ_UNROLL                                                             \
        for (int r = 0; r < rows; r++) {                                      \
            sums[r][0] = vdotq_laneq_s32(sums[r][0], low, (a)[r], lane);      \
            sums[r][1] = vdotq_laneq_s32(sums[r][1], high, (a)[r], lane);     \
        }                                                                     \
    } while (0)

EQ_INLINE void load_rows(int8x16_t *a, const int8_t *taps, const int rows) {
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        a[r] = vld1q_s8(taps + 16 * r);
    }
}

EQ_INLINE const int8_t *add_chunk(int32x4_t sums[8][2], const int8x16_t *a, const int8_t *packed, const int rows) {
    ADD_LANE(a, 0);
    ADD_LANE(a, 1);
    ADD_LANE(a, 2);
    ADD_LANE(a, 3);
    return packed;
}

/* Chunks of taps `step` bytes apart. */
EQ_INLINE const int8_t *add_chunks(int32x4_t sums[8][2], const int8_t *taps, const int8_t *packed, uint32_t chunks,
                                   const int rows, const int step) {
    int8x16_t a[8], b[8];
    for (uint32_t i = chunks / 2; i != 0; i--, taps += 2 * step) {
        load_rows(a, taps, rows);
        packed = add_chunk(sums, a, packed, rows);
        load_rows(b, taps + step, rows);
        packed = add_chunk(sums, b, packed, rows);
    }
    if (chunks % 2) {
        load_rows(a, taps, rows);
        packed = add_chunk(sums, a, packed, rows);
    }
    return packed;
}

/* All `groups` groups of taps of a tile. Returns what follows the weights. */
EQ_INLINE const int8_t *add_groups(int32x4_t sums[8][2], const int8_t *taps, const int8_t *packed, int32_t groups,
                                   const int rows) {
    const uint32_t chunks = (uint32_t)groups / 4, rest = (uint32_t)groups % 4;
    packed = add_chunks(sums, taps, packed, chunks, rows, 16 * rows);
    if (rest) {
        int8x16_t a[8];
        load_rows(a, taps + (size_t)chunks * 16 * (size_t)rows, rows);
        ADD_LANE(a, 0);
        if (rest > 1) {
            ADD_LANE(a, 1);
        }
        if (rest > 2) {
            ADD_LANE(a, 2);
        }
    }
    return packed;
}

#endif
