/* Sums of tiles of 8 columns on ARMv8.0, what products of all results share: SMULL and SMLAL add two products in 16 bits, which weights
 * other than -128 cannot overflow, and SADALP adds pairs of those to the 32-bit sums. Each sum has four parts, which are added at the end.
 * Packed weights are (taps / 16, 8, 16), rows come from eq_interleave_rows(). */
#ifndef EQ_NEON64_TILE_SUMS_H
#define EQ_NEON64_TILE_SUMS_H

#include <arm_neon.h>

#include "kernels/inline.h"

enum { GROUP = 16 };

EQ_INLINE int16x8_t pair_products(int8x16_t a, int8x16_t b) {
    return vmlal_high_s8(vmull_s8(vget_low_s8(a), vget_low_s8(b)), a, b);
}

/* The vector of four sums, each the sum of one vector of parts. */
EQ_INLINE int32x4_t sums_of_parts(const int32x4_t parts[4]) {
    return vpaddq_s32(vpaddq_s32(parts[0], parts[1]), vpaddq_s32(parts[2], parts[3]));
}

EQ_INLINE void load(int8x16_t *vectors, const int8_t *from, const int count) {
    EQ_UNROLL
    for (int i = 0; i < count; i++) {
        vectors[i] = vld1q_s8(from + 16 * i);
    }
}

/* Adds the products of 16 taps; the first chunk begins the sums. */
EQ_INLINE void add_chunk(int32x4_t *parts, const int8_t *taps, const int8_t *weights, const int rows, const int columns,
                         const bool begins) {
    int8x16_t a[4], b[8];
    load(a, taps, rows);
    load(b, weights, columns);
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        EQ_UNROLL
        for (int n = 0; n < columns; n++) {
            const int16x8_t products = pair_products(a[r], b[n]);
            int32x4_t *part = &parts[r * columns + n];
            *part = begins ? vpaddlq_s16(products) : vpadalq_s16(*part, products);
        }
    }
}

/* The sums of `rows` rows by `columns` columns whose weights are 128 bytes apart for each chunk. */
EQ_INLINE void multiply_tile(const int8_t *taps, const int8_t *weights, int32_t chunks, int32x4_t *parts, const int rows,
                             const int columns) {
    add_chunk(parts, taps, weights, rows, columns, true);
    taps += 16 * rows, weights += 128;
    const uint32_t left = (uint32_t)chunks - 1;
    for (uint32_t i = left / 2; i != 0; i--, taps += 32 * rows, weights += 256) {
        add_chunk(parts, taps, weights, rows, columns, false);
        add_chunk(parts, taps + 16 * rows, weights + 128, rows, columns, false);
    }
    if (left % 2) {
        add_chunk(parts, taps, weights, rows, columns, false);
    }
}

#endif
