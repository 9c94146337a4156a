/* The rows (windows of output pixels) of a matrix product, brought into the order in which the inner loop reads them.
 *
 * A window's segments are joined to one line of `segments * bytes` taps. Lines of several rows are interleaved in
 * chunks of 16 bytes: (chunk, row, 16). What follows the last tap of a line is arbitrary: the weights there are zero. */
#ifndef EQ_NEON64_ROWS_H
#define EQ_NEON64_ROWS_H

#include "requantize.h"

enum { EQ_BLOCK_BYTES = 40 * 1024 }; /* of interleaved rows, and of lines: both are on the stack */

/* Whether `rows` lines fit the block. */
EQ_INLINE bool eq_rows_fit(int32_t taps, int32_t rows) {
    return taps <= EQ_BLOCK_BYTES / rows - 16;
}

/* Windows that are too long for the block take the scalar kernel; a single segment is read in place. */
EQ_INLINE bool eq_window_too_long(int32_t segments, int32_t segment_bytes) {
    return segments > 1 && !eq_rows_fit(segments * segment_bytes, 1);
}

typedef enum eq_line_kind {
    EQ_WHOLE,  /* segments are whole chunks, or one */
    EQ_EVEN,   /* of 4 or 8 bytes, at equal distances: a few are a chunk */
    EQ_TABLE,  /* three of 9 to 15 bytes: a table lookup picks a chunk's */
    EQ_JOINED, /* any other: lines are written first */
} eq_line_kind;

/* How the windows of a call become lines. */
typedef struct eq_line {
    const ptrdiff_t *offsets; /* of the segments */
    int32_t segments, bytes;  /* `bytes` of a segment in the line, which may be some more than it has */
    eq_line_kind kind;
    ptrdiff_t in_step;   /* as of eq_gemm */
    ptrdiff_t step;      /* EQ_EVEN: the distance */
    uint8x16_t order[3]; /* EQ_TABLE: of each chunk, 16 * segment + byte */
} eq_line;

/* What one of several segments takes of a line: 4, 8 or 16 bytes in place of some less, where bringing rows in order spares more than the
 * taps of weight zero cost, some ten instructions a segment against thirty for 8 taps of a tile. A `group` of taps is as in tiles.h. */
int32_t eq_neon64_bytes_in_line(int32_t columns, int32_t segments, int32_t segment_bytes, int32_t group);

/* The distance of two or more segments that are as far from each other, or 0. */
ptrdiff_t eq_neon64_even_step(const ptrdiff_t *offsets, int32_t segments);

/* The kind of short segments, and what it needs. */
void eq_neon64_find_kind(eq_line *line);

EQ_INLINE void eq_set_line(eq_line *line, int32_t segments, int32_t bytes, const ptrdiff_t *offsets) {
    line->offsets = offsets, line->segments = segments, line->bytes = bytes, line->in_step = 0, line->kind = EQ_WHOLE;
    if (segments > 1 && bytes % 16 != 0) {
        eq_neon64_find_kind(line);
    }
}

/* Interleave the lines of 4 or 8 windows. Up to a chunk more is written. */
void eq_neon64_interleave_4(const eq_line *line, const int8_t *const *windows, int8_t *block);
void eq_neon64_interleave_8(const eq_line *line, const int8_t *const *windows, int8_t *block);

EQ_INLINE void eq_interleave_rows(const eq_line *line, const int8_t *const *windows, int8_t *block, const int rows) {
    if (rows == 4) {
        eq_neon64_interleave_4(line, windows, block);
    } else {
        eq_neon64_interleave_8(line, windows, block);
    }
}

/* The segments of `rows` windows as lines that are `line_bytes` apart. Copies steps of 16 bytes, more than asked for; the empty
 * asm keeps the compiler from calling memcpy(), as most segments are short. */
EQ_INLINE void eq_join_segments(const eq_line *line, const int8_t *const *windows, int8_t *lines, const int rows,
                                const int line_bytes) {
    const ptrdiff_t *offset = line->offsets, *end = offset + line->segments, bytes = line->bytes;
    const int8_t *from[8];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = windows[r];
    }
    for (; offset != end; offset++, lines += bytes) {
        ptrdiff_t k = 0;
        if (rows > 1) { /* of most segments these are all bytes: the loop below takes half as many instructions more for them */
            EQ_UNROLL
            for (int r = 0; r < rows; r++) {
                vst1q_s8(lines + r * line_bytes, vld1q_s8(from[r] + *offset));
            }
            k = 16;
        }
        for (; k < bytes; k += 16) {
            EQ_UNROLL
            for (int r = 0; r < rows; r++) {
                vst1q_s8(lines + r * line_bytes + k, vld1q_s8(from[r] + *offset + k));
            }
            __asm__ volatile("" : "+r"(k));
        }
    }
}

/* A single row needs no other order: it is read in place if it is one segment. */
EQ_INLINE const int8_t *eq_single_row(const eq_line *line, const int8_t *const *window, int8_t *joined) {
    if (line->segments == 1) {
        return *window + *line->offsets;
    }
    eq_join_segments(line, window, joined, 1, EQ_BLOCK_BYTES);
    return joined;
}

#endif
