/* Sums of tiles of 8 columns with SDOT, which adds four products to each of four sums: what products of all results share. Packed weights
 * are (taps / 4, 8, 4), rows come from eq_interleave_rows(). */
#ifndef EQ_DOTPROD_TILE_SUMS_H
#define EQ_DOTPROD_TILE_SUMS_H

#include <arm_neon.h>

#include "kernels/neon64/rows.h"

enum { GROUP = 4 };

/* Of eight rows by eight columns 16 sums, eight vectors of taps (v0 to v7) and four of weights (v24 to v27): written out, since compilers
 * load vectors in pairs, not in fours. */
#define EQ_SDOT(sum, weights, row, lane) "sdot %" #sum ".4s, v" #weights ".16b, v" #row ".4b[" #lane "]\n\t"
/* clang-format off */
#define EQ_LANE_OF_4(low, high, lane) \
    EQ_SDOT(0, low, 0, lane) EQ_SDOT(1, high, 0, lane) \
    EQ_SDOT(2, low, 1, lane) EQ_SDOT(3, high, 1, lane) \
    EQ_SDOT(4, low, 2, lane) EQ_SDOT(5, high, 2, lane) \
    EQ_SDOT(6, low, 3, lane) EQ_SDOT(7, high, 3, lane)
#define EQ_LANE(low, high, lane) \
    EQ_LANE_OF_4(low, high, lane) \
    EQ_SDOT(8, low, 4, lane) EQ_SDOT(9, high, 4, lane) \
    EQ_SDOT(10, low, 5, lane) EQ_SDOT(11, high, 5, lane) \
    EQ_SDOT(12, low, 6, lane) EQ_SDOT(13, high, 6, lane) \
    EQ_SDOT(14, low, 7, lane) EQ_SDOT(15, high, 7, lane)
#define EQ_EIGHT_TAPS(step) "ld1 {v0.16b-v3.16b}, [%16], #64\n\tld1 {v4.16b-v7.16b}, [%16], %" #step "\n\t"
#define EQ_REST(lane) "ldp q24, q25, [%17], #32\n\t" EQ_LANE(24, 25, lane)
#define EQ_CHUNK(step) \
    "ld1 {v24.16b-v27.16b}, [%17], #64\n\t" EQ_EIGHT_TAPS(step) \
    EQ_LANE(24, 25, 0) EQ_LANE(26, 27, 1) \
    "ld1 {v24.16b-v27.16b}, [%17], #64\n\t" \
    EQ_LANE(24, 25, 2) EQ_LANE(26, 27, 3)

/* The same of four rows. */
#define EQ_REST_OF_4(lane) "ldp q24, q25, [%9], #32\n\t" EQ_LANE_OF_4(24, 25, lane)
#define EQ_CHUNK_OF_4 \
    "ld1 {v0.16b-v3.16b}, [%8], #64\n\tld1 {v24.16b-v27.16b}, [%9], #64\n\t" EQ_LANE_OF_4(24, 25, 0) EQ_LANE_OF_4(26, 27, 1) \
    "ld1 {v24.16b-v27.16b}, [%9], #64\n\t" EQ_LANE_OF_4(24, 25, 2) EQ_LANE_OF_4(26, 27, 3)

/* The 16 taps of a single row in v0, with two sums for each four columns: an SDOT waits for the one before it in its sum. */
#define EQ_ROW_REST(low, high, lane) "ldp q4, q5, [%5], #32\n\t" EQ_SDOT(low, 4, 0, lane) EQ_SDOT(high, 5, 0, lane)
#define EQ_ROW_CHUNK(taps) \
    "ld1 {v4.16b-v7.16b}, [%5], #64\n\tld1 {v24.16b-v27.16b}, [%5], #64\n\t" \
    EQ_SDOT(0, 4, taps, 0) EQ_SDOT(1, 5, taps, 0) EQ_SDOT(2, 6, taps, 1) EQ_SDOT(3, 7, taps, 1) \
    EQ_SDOT(0, 24, taps, 2) EQ_SDOT(1, 25, taps, 2) EQ_SDOT(2, 26, taps, 3) EQ_SDOT(3, 27, taps, 3)
/* clang-format on */

/* Where the taps of eight rows lie: in pieces, each in whole chunks but the last, (chunk, row, 16) with `step` bytes between chunks. The
 * inner loop takes three chunks a turn. */
typedef struct taps_of_8 {
    const int8_t *taps; /* of the first piece */
    uint32_t turns,
        first;      /* of a piece; where the first turn begins: its third chunk (1), second (2), first (0), or nowhere (4) */
    uint32_t more;  /* groups after the last chunk, or MORE_PIECES; 0: neither */
    ptrdiff_t step; /* from chunk to chunk */
    ptrdiff_t last_step; /* from a turn's last chunk to the next turn's first */
    /* Of MORE_PIECES: from the end of one to the next, from the first one's begin to the last one's end, and where {the last one's end,
     * jump} is in memory: the inner loop has no registers to spare. */
    ptrdiff_t jump, whole;
    const int8_t *pieces;
} taps_of_8;

enum { TURN = 3, MORE_PIECES = 4 };

EQ_INLINE void set_chunks(taps_of_8 *t, uint32_t chunks, ptrdiff_t step) {
    t->turns = (chunks + TURN - 1) / TURN, t->first = chunks == 0 ? 4 : chunks % TURN;
    t->step = t->last_step = step;
}

/* Rows that eq_interleave_rows() wrote. */
EQ_INLINE taps_of_8 taps_in_block(const int8_t *block, int32_t groups) {
    taps_of_8 t = {.taps = block, .more = (uint32_t)groups % 4};
    set_chunks(&t, (uint32_t)groups / 4, 128);
    return t;
}

/* With windows 16 bytes apart (16 channels, stride 1) the input is already in the order that interleaving gives. Returns whether the
 * segments allow that; then `t` lacks only where. */
EQ_INLINE bool may_lie_interleaved(const eq_line *line, taps_of_8 *t) {
    const uint32_t pieces = (uint32_t)line->segments, chunks = (uint32_t)line->bytes / 16;
    const ptrdiff_t step = pieces > 1 ? eq_neon64_even_step(line->offsets, line->segments) : 0;
    *t = (taps_of_8){.jump = step - line->bytes, .whole = (ptrdiff_t)(pieces - 1) * step + line->bytes};
    if (chunks == 1 && pieces > 1) {
        set_chunks(t, pieces, step);
    } else if (chunks == TURN) { /* a turn a piece */
        set_chunks(t, pieces * TURN, 16);
        t->last_step += t->jump;
    } else {
        set_chunks(t, chunks, 16);
        t->more = pieces > 1 ? MORE_PIECES : 0;
    }
    return line->bytes % 16 == 0 && (step != 0 || pieces == 1);
}

/* The taps of eight windows: in the image, if `in_image` is not NULL, or interleaved in the block that `in_block` is of. */
EQ_INLINE taps_of_8 taps_of_windows(const eq_line *line, const int8_t *const *in, int8_t *block, const taps_of_8 *in_block,
                                    const taps_of_8 *in_image) {
    if (in_image) {
        taps_of_8 taps = *in_image;
        taps.taps = in[0] + *line->offsets;
        if (taps.more) {
            const int8_t *end = taps.taps + taps.whole;
            memcpy(block, &end, sizeof end);
            memcpy(block + sizeof end, &taps.jump, sizeof taps.jump);
            taps.pieces = block;
        }
        return taps;
    }
    eq_interleave_rows(line, in, block, 8);
    return *in_block;
}

/* The sums of four or eight rows have registers of their own, since instructions that load four vectors take neighbours. */
#define EQ_SUMS_OF_4                                                                                                \
    register int32x4_t s0 __asm__("v8"), s1 __asm__("v9"), s2 __asm__("v10"), s3 __asm__("v11"), s4 __asm__("v12"), \
        s5 __asm__("v13"), s6 __asm__("v14"), s7 __asm__("v15")
#define EQ_SUMS_OF_8                                                                                                     \
    EQ_SUMS_OF_4;                                                                                                        \
    register int32x4_t s8 __asm__("v16"), s9 __asm__("v17"), s10 __asm__("v18"), s11 __asm__("v19"), s12 __asm__("v20"), \
        s13 __asm__("v21"), s14 __asm__("v22"), s15 __asm__("v23")

/* clang-format off */
#define EQ_BEGIN \
    "ld1 {v8.4s-v11.4s}, [%24]\n\tld1 {v12.4s-v15.4s}, [%24]\n\tld1 {v16.4s-v19.4s}, [%24]\n\tld1 {v20.4s-v23.4s}, [%24]\n"
#define EQ_OPERANDS_OF_8 \
    : "=&w"(s0), "=&w"(s1), "=&w"(s2), "=&w"(s3), "=&w"(s4), "=&w"(s5), "=&w"(s6), "=&w"(s7), "=&w"(s8), "=&w"(s9), \
      "=&w"(s10), "=&w"(s11), "=&w"(s12), "=&w"(s13), "=&w"(s14), "=&w"(s15), "+&r"(taps), "+&r"(packed), "=&r"(left) \
    : "r"(t->turns), "r"(t->first), "r"(t->more), "r"(t->step - 64), "r"(t->last_step - 64), "r"(begin), "r"(t->pieces) \
    : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v24", "v25", "v26", "v27", "cc", "memory"
/* clang-format on */

/* The sums of eight rows; those of each row begin with the 8 at `begin`, which are there twice. Returns what follows the weights. */
EQ_INLINE const int8_t *sum_8_rows(int32x4_t s[8][2], const void *begin, const taps_of_8 *t, const int8_t *packed) {
    EQ_SUMS_OF_8;
    const int8_t *taps = t->taps;
    uint64_t left;
    __asm__(EQ_BEGIN "0:\n\tmov %w18, %w19\n\ttbnz %w20, #0, 3f\n\tcbz %w20, 1f\n\ttbnz %w20, #1, 2f\n\tb 4f\n"
                     "1:\n\t" EQ_CHUNK(22) "2:\n\t" EQ_CHUNK(22) "3:\n\t" EQ_CHUNK(23) "subs %w18, %w18, #1\n\tb.gt 1b\n"
                     "4:\n\tcbz %w21, 6f\n\ttbz %w21, #2, 5f\n\t"
                     "ldr %18, [%25]\n\tcmp %16, %18\n\tb.eq 6f\n\tldr %18, [%25, #8]\n\tadd %16, %16, %18\n\tb 0b\n"
                     "5:\n\t" EQ_EIGHT_TAPS(22) EQ_REST(0) "cmp %w21, #2\n\tb.lt 6f\n\t" EQ_REST(1) "b.eq 6f\n\t" EQ_REST(2)
                     "6:\n\t" EQ_OPERANDS_OF_8);
    s[0][0] = s0, s[0][1] = s1, s[1][0] = s2, s[1][1] = s3, s[2][0] = s4, s[2][1] = s5, s[3][0] = s6, s[3][1] = s7;
    s[4][0] = s8, s[4][1] = s9, s[5][0] = s10, s[5][1] = s11, s[6][0] = s12, s[6][1] = s13, s[7][0] = s14, s[7][1] = s15;
    return packed;
}

/* The sums of `groups` groups of taps of four rows. Returns what follows the weights. */
EQ_INLINE const int8_t *sum_4_rows(int32x4_t s[8][2], const void *begin, const int8_t *taps, const int8_t *packed,
                                   int32_t groups) {
    EQ_SUMS_OF_4;
    int32_t left = groups / 4;
    __asm__("ld1 {v8.4s-v11.4s}, [%12]\n\tld1 {v12.4s-v15.4s}, [%12]\n\ttbnz %w10, #0, 2f\n\tcbz %w10, 3f\n"
            "1:\n\t" EQ_CHUNK_OF_4 "2:\n\t" EQ_CHUNK_OF_4 "subs %w10, %w10, #2\n\tb.gt 1b\n"
            "3:\n\tands %w10, %w11, #3\n\tb.eq 4f\n\tld1 {v0.16b-v3.16b}, [%8]\n\t" EQ_REST_OF_4(0) "subs %w10, %w10, #2\n\t"
            "b.lt 4f\n\t" EQ_REST_OF_4(1) "b.eq 4f\n\t" EQ_REST_OF_4(2)
            "4:\n\t"
            : "=&w"(s0), "=&w"(s1), "=&w"(s2), "=&w"(s3), "=&w"(s4), "=&w"(s5), "=&w"(s6), "=&w"(s7), "+&r"(taps), "+&r"(packed),
              "+&r"(left)
            : "r"(groups), "r"(begin)
            : "v0", "v1", "v2", "v3", "v24", "v25", "v26", "v27", "cc", "memory");
    s[0][0] = s0, s[0][1] = s1, s[1][0] = s2, s[1][1] = s3, s[2][0] = s4, s[2][1] = s5, s[3][0] = s6, s[3][1] = s7;
    return packed;
}

/* The sums of a row, which begin with the 8 at `begin`. Returns what follows the weights. */
EQ_INLINE const int8_t *sum_row(int32x4_t sums[8][2], const void *begin, const int8_t *taps, const int8_t *packed,
                                int32_t groups) {
    int32_t left = groups / 4;
    int32x4_t low, high;
    __asm__("ldp %q0, %q1, [%8]\n\tmovi %2.4s, #0\n\tmovi %3.4s, #0\n\ttbz %w6, #0, 1f\n\tldr q0, [%4], #16\n\t" EQ_ROW_CHUNK(0)
            "1:\n\tsubs %w6, %w6, #2\n\tb.lt 3f\n"
            "2:\n\tldp q0, q28, [%4], #32\n\t" EQ_ROW_CHUNK(0) EQ_ROW_CHUNK(28) "subs %w6, %w6, #2\n\tb.ge 2b\n"
            "3:\n\tands %w6, %w7, #3\n\tb.eq 4f\n\tldr q0, [%4]\n\t" EQ_ROW_REST(0, 1, 0) "subs %w6, %w6, #2\n\t"
            "b.lt 4f\n\t" EQ_ROW_REST(2, 3, 1) "b.eq 4f\n\t" EQ_ROW_REST(0, 1, 2)
            "4:\n\t"
            : "=&w"(sums[0][0]), "=&w"(sums[0][1]), "=&w"(low), "=&w"(high), "+&r"(taps), "+&r"(packed), "+&r"(left)
            : "r"(groups), "r"(begin)
            : "v0", "v4", "v5", "v6", "v7", "v24", "v25", "v26", "v27", "v28", "cc", "memory");
    sums[0][0] = vaddq_s32(sums[0][0], low), sums[0][1] = vaddq_s32(sums[0][1], high);
    return packed;
}

#endif
