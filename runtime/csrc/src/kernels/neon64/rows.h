/* The rows (windows of output pixels) of a matrix product, brought into the order in which the inner loop reads them.
 *
 * A window's segments are joined to one line of `segments * segment_bytes` taps. Lines of several rows are interleaved in
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

/* The segments of `rows` windows as lines that are `line_bytes` apart. Copies steps of 16 bytes, more than asked for; the empty
 * asm keeps the compiler from calling memcpy(), as most segments are short. */
EQ_INLINE void eq_join_segments(const eq_gemm *g, const int8_t *const *windows, int8_t *lines, const int rows,
                                const int line_bytes) {
    const ptrdiff_t *offset = g->segment_offsets, *end = offset + g->segments, bytes = g->segment_bytes;
    const int8_t *from[8];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = windows[r];
    }
    for (; rows == 4 && bytes <= 16 && end - offset > 1; offset += 2, lines += 2 * bytes) { /* most segments: two a turn */
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            vst1q_s8(lines + r * line_bytes, vld1q_s8(from[r] + offset[0]));
        }
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            vst1q_s8(lines + bytes + r * line_bytes, vld1q_s8(from[r] + offset[1]));
        }
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

EQ_INLINE void eq_interleave_rows(const eq_gemm *g, const int8_t *const *windows, int8_t *block, const int rows) {
    const int line_bytes = EQ_BLOCK_BYTES / rows;
    int8_t lines[EQ_BLOCK_BYTES];
    const int8_t *from[8];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = windows[r];
    }
    static const ptrdiff_t start = 0;
    int32_t segments = g->segments;
    ptrdiff_t bytes = g->segment_bytes;
    const ptrdiff_t *offset = g->segment_offsets;
    if (segments > 1 && bytes % 16 != 0) {
        eq_join_segments(g, windows, lines, rows, line_bytes);
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            from[r] = lines + r * line_bytes;
        }
        bytes *= segments;
        segments = 1;
        offset = &start;
    }
    for (; segments > 0; segments--, offset++) {
        for (ptrdiff_t k = *offset, end = k + bytes; k < end; k += 16) {
            int8x16_t chunk[8];
            EQ_UNROLL
            for (int r = 0; r < rows; r++) {
                chunk[r] = vld1q_s8(from[r] + k);
            }
            EQ_UNROLL
            for (int r = 0; r < rows; r += 4) {
                const int8x16x4_t four = {{chunk[r], chunk[r + 1], chunk[r + 2], chunk[r + 3]}};
                vst1q_s8_x4(block, four);
                block += 64;
                __asm__("" : "+r"(block)); /* by the store itself */
            }
        }
    }
}

/* A single row needs no other order: it is read in place if it is one segment. */
EQ_INLINE const int8_t *eq_single_row(const eq_gemm *g, const int8_t *const *window, int8_t *line) {
    if (g->segments == 1) {
        return *window + *g->segment_offsets;
    }
    eq_join_segments(g, window, line, 1, EQ_BLOCK_BYTES);
    return line;
}

#endif
