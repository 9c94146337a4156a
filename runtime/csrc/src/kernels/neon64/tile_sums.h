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

/* Four rows by four columns have 16 sums, four vectors of taps (v0 to v3), four of weights (v4 to v7) and four of products (v24 to v27).
 * Written out, since compilers load vectors in pairs, not in fours, or move the sums about between the parts of the loop. */
/* clang-format off */
#define EQ_LOW(a) \
    "smull v24.8h, v" #a ".8b, v4.8b\n\tsmull v25.8h, v" #a ".8b, v5.8b\n\t" \
    "smull v26.8h, v" #a ".8b, v6.8b\n\tsmull v27.8h, v" #a ".8b, v7.8b\n\t"
#define EQ_HIGH(a) \
    "smlal2 v24.8h, v" #a ".16b, v4.16b\n\tsmlal2 v25.8h, v" #a ".16b, v5.16b\n\t" \
    "smlal2 v26.8h, v" #a ".16b, v6.16b\n\tsmlal2 v27.8h, v" #a ".16b, v7.16b\n\t"
#define EQ_ADD(add, p, q, r, s) \
    add " %" #p ".4s, v24.8h\n\t" add " %" #q ".4s, v25.8h\n\t" add " %" #r ".4s, v26.8h\n\t" add " %" #s ".4s, v27.8h\n\t"
#define EQ_HALF(add, a, p, q, r, s) EQ_LOW(a) EQ_ADD(add, p, q, r, s)
#define EQ_WHOLE(add, a, p, q, r, s) EQ_LOW(a) EQ_HIGH(a) EQ_ADD(add, p, q, r, s)
#define EQ_FOUR(row, add) row(add, 0, 0, 1, 2, 3) row(add, 1, 4, 5, 6, 7) row(add, 2, 8, 9, 10, 11) row(add, 3, 12, 13, 14, 15)
#define EQ_LOAD(taps, weights) "ld1 {v0.16b-v3.16b}, " taps "\n\tld1 {v4.16b-v7.16b}, " weights "\n\t"
#define EQ_CHUNK EQ_LOAD("[%16], #64", "[%17], %23") EQ_FOUR(EQ_WHOLE, "sadalp")
#define EQ_ROW_CHUNK(add) \
    "ldr q0, [%8], #16\n\tld1 {v4.16b-v7.16b}, [%9], #64\n\t" EQ_WHOLE(add, 0, 0, 1, 2, 3) \
    "ld1 {v4.16b-v7.16b}, [%9], #64\n\t" EQ_WHOLE(add, 0, 4, 5, 6, 7)
/* clang-format on */

/* The sums of a row by 8 columns. */
EQ_INLINE void multiply_row(const int8_t *taps, const int8_t *weights, int32_t chunks, int32x4_t parts[8]) {
    int32_t left = chunks - 1;
    __asm__(EQ_ROW_CHUNK("saddlp") "tbnz %w10, #0, 4f\n\tcbz %w10, 5f\n"
            "3:\n\t" EQ_ROW_CHUNK("sadalp") "4:\n\t" EQ_ROW_CHUNK("sadalp") "subs %w10, %w10, #2\n\tb.gt 3b\n"
            "5:\n\t"
            : "=&w"(parts[0]), "=&w"(parts[1]), "=&w"(parts[2]), "=&w"(parts[3]), "=&w"(parts[4]), "=&w"(parts[5]),
              "=&w"(parts[6]), "=&w"(parts[7]), "+&r"(taps), "+&r"(weights), "+&r"(left)
            :
            : "v0", "v4", "v5", "v6", "v7", "v24", "v25", "v26", "v27", "cc", "memory");
}

/* The taps of four rows, in chunks (row, 16). Of the last chunk only the first 8 taps may count (`ends_half`). */
typedef struct taps_of_4 {
    const int8_t *taps, *last_taps;
    ptrdiff_t last_weights; /* where the last chunk's weights are from those of the first */
    int32_t chunks_before;
    int32_t ends_half;
} taps_of_4;

EQ_INLINE taps_of_4 taps_of_4_rows(const int8_t *taps, int32_t count) {
    const ptrdiff_t before = (count - 1) / GROUP;
    return (taps_of_4){taps, taps + 64 * before, 128 * before, (int32_t)before, (count - 1) % GROUP < GROUP / 2};
}

/* The sums of four rows by four columns: of row r and column n in parts[4 * r + n]. A last half chunk begins, or the first chunk; the
 * others follow two by two, the first alone where their number is odd. */
EQ_INLINE void multiply_tile(const taps_of_4 *t, const int8_t *weights, int32x4_t parts[16]) {
    const int8_t *taps = t->taps, *last_weights;
    int32_t left = t->chunks_before;
    __asm__("tbz %w21, #0, 1f\n\tadd %19, %17, %22\n\t" EQ_LOAD("[%20]", "[%19]") EQ_FOUR(EQ_HALF, "saddlp")
            "tbnz %w18, #0, 4f\n\tcbnz %w18, 3f\n\tb 5f\n"
            "1:\n\t" EQ_LOAD("[%16], #64", "[%17], %23") EQ_FOUR(EQ_WHOLE, "saddlp")
            "tbnz %w18, #0, 4f\n\tcbz %w18, 5f\n"
            "3:\n\t" EQ_CHUNK
            "4:\n\t" EQ_CHUNK "subs %w18, %w18, #2\n\tb.gt 3b\n"
            "5:\n\t"
            : "=&w"(parts[0]), "=&w"(parts[1]), "=&w"(parts[2]), "=&w"(parts[3]), "=&w"(parts[4]), "=&w"(parts[5]),
              "=&w"(parts[6]), "=&w"(parts[7]), "=&w"(parts[8]), "=&w"(parts[9]), "=&w"(parts[10]), "=&w"(parts[11]),
              "=&w"(parts[12]), "=&w"(parts[13]), "=&w"(parts[14]), "=&w"(parts[15]), "+&r"(taps), "+&r"(weights), "+&r"(left),
              "=&r"(last_weights)
            : "r"(t->last_taps), "r"(t->ends_half), "r"(t->last_weights), "r"((ptrdiff_t)128)
            : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v24", "v25", "v26", "v27", "cc", "memory");
}

#endif
