/* The rows (windows of output pixels) of a matrix product, brought into the order in which the inner loop reads them.
 *
 * A window's segments are joined to one line of `segments * segment_bytes` taps. Lines of several rows are interleaved in
 * chunks of 16 bytes: (chunk, row, 16). What follows the last tap of a line is arbitrary: the weights there are zero. */
#ifndef EQ_NEON64_ROWS_H
#define EQ_NEON64_ROWS_H

#include "requantize.h"

enum {
    EQ_BLOCK_BYTES = 48 * 1024, /* of interleaved rows, on the stack */
    EQ_LINE_BYTES = EQ_BLOCK_BYTES / 4,
};

/* Whether `rows` lines fit the block. */
EQ_INLINE bool eq_rows_fit(int32_t taps, int32_t rows) {
    return taps <= EQ_BLOCK_BYTES / rows - 16;
}

/* Windows that are too long for the block take the scalar kernel; a single segment is read in place. */
EQ_INLINE bool eq_window_too_long(int32_t segments, int32_t segment_bytes) {
    return segments > 1 && !eq_rows_fit(segments * segment_bytes, 1);
}

/* Copy in steps of 16 bytes, more than asked for. The empty asm keeps the compiler from calling memcpy(): most are short. */
EQ_INLINE void eq_copy_chunks(int8_t *to, const int8_t *from, int32_t bytes) {
    do {
        vst1q_s8(to, vld1q_s8(from));
        __asm__ volatile("" : "+r"(to), "+r"(from));
        to += 16, from += 16;
    } while ((bytes -= 16) > 0);
}

/* One window as a line; `line` is used if it is in several segments. */
EQ_INLINE const int8_t *eq_join_segments(const eq_gemm *g, const int8_t *window, int8_t *line) {
    const int32_t segments = g->segments, bytes = g->segment_bytes;
    const ptrdiff_t *offsets = g->segment_offsets;
    if (segments == 1) return window + offsets[0];
    for (int32_t s = 0; s < segments; s++) eq_copy_chunks(line + s * bytes, window + offsets[s], bytes);
    return line;
}

EQ_INLINE void eq_interleave_rows(const eq_gemm *g, const int8_t *const *windows, int8_t *block, const int rows) {
    const int32_t segments = g->segments, bytes = g->segment_bytes;
    if (segments == 1 || bytes % 16 == 0) {
        for (int32_t s = 0; s < segments; s++) {
            const int8_t *from[8];
            for (int r = 0; r < rows; r++) from[r] = windows[r] + g->segment_offsets[s];
            for (int32_t k = 0; k < bytes; k += 16, block += 16 * rows)
                for (int r = 0; r < rows; r++) vst1q_s8(block + 16 * r, vld1q_s8(from[r] + k));
        }
        return;
    }
    for (int r = 0; r < rows; r++) {
        int8_t line[EQ_LINE_BYTES];
        eq_join_segments(g, windows[r], line);
        for (int32_t k = 0; k < segments * bytes; k += 16) vst1q_s8(block + k * rows + 16 * r, vld1q_s8(line + k));
    }
}

#endif
