/* The windows of a matrix product as kernels that step through `step` taps at a time see them: short segments are copied one
 * after the other to a line, which wastes no step on what is past a segment's end. */
#ifndef EQ_LINES_H
#define EQ_LINES_H

#include <string.h>

#include "kernels.h"
#include "inline.h"

enum { EQ_LINE_TAPS = 1024, EQ_LINE_STEP = 8 /* the largest */ };

typedef int8_t eq_line[EQ_LINE_TAPS + EQ_LINE_STEP];

typedef struct eq_window_shape {
    int32_t segments, taps; /* of each segment */
    bool joined;
} eq_window_shape;

EQ_INLINE eq_window_shape eq_window_shape_of(int32_t segments, int32_t segment_bytes, const int32_t step) {
    const bool is_short = segment_bytes % step != 0 || segment_bytes < 4 * step;
    if (segments > 1 && is_short && segment_bytes <= EQ_LINE_TAPS / segments) {
        return (eq_window_shape){1, segments * segment_bytes, true};
    }
    return (eq_window_shape){segments, segment_bytes, false};
}

EQ_INLINE size_t eq_steps_of(eq_window_shape shape, const int32_t step) {
    return (size_t)shape.taps / (size_t)step + (shape.taps % step != 0);
}

/* More is read and written than asked for, less than a step. */
EQ_INLINE void eq_join_segments(const eq_gemm *g, const int8_t *in, int8_t *line, const int32_t step) {
    for (int32_t s = 0; s < g->segments; s++, line += g->segment_bytes) {
        for (int32_t k = 0; k < g->segment_bytes; k += step) {
            memcpy(line + k, in + g->segment_offsets[s] + k, (size_t)step);
        }
    }
}

/* The windows themselves or, joined, lines of them. */
EQ_INLINE void eq_bring_windows(const eq_gemm *g, const int8_t *const *in, eq_line *lines, const int8_t **windows, int32_t rows,
                                const int32_t step) {
    const bool joined = eq_window_shape_of(g->segments, g->segment_bytes, step).joined;
    for (int32_t r = 0; r < rows; r++) {
        if (joined) {
            eq_join_segments(g, in[r], lines[r], step);
        }
        windows[r] = joined ? lines[r] : in[r];
    }
}

#endif
