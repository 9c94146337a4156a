/* Interleaving the rows of a matrix product, with as few instructions as the shape of their segments allows. */
#include "rows.h"

ptrdiff_t eq_neon64_even_step(const ptrdiff_t *offsets, int32_t segments) {
    const ptrdiff_t step = offsets[1] - offsets[0];
    for (int32_t s = 2; s < segments; s++) {
        if (offsets[s] - offsets[s - 1] != step) {
            return 0;
        }
    }
    return step;
}

/* Byte i of a line is byte i - s * bytes of segment s, which begins at 16 * s of the table. */
static void find_order(int32_t bytes, uint8x16_t order[3]) {
    const uint8x16_t first = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const uint8x16_t gap = vdupq_n_u8((uint8_t)(16 - bytes)), second = vdupq_n_u8((uint8_t)bytes),
                     third = vdupq_n_u8((uint8_t)(2 * bytes));
    for (int chunk = 0; chunk < 3; chunk++) {
        const uint8x16_t i = vaddq_u8(first, vdupq_n_u8((uint8_t)(16 * chunk)));
        order[chunk] = vaddq_u8(i, vaddq_u8(vandq_u8(vcgeq_u8(i, second), gap), vandq_u8(vcgeq_u8(i, third), gap)));
    }
}

void eq_neon64_find_kind(eq_line *line) {
    const int32_t segments = line->segments, bytes = line->bytes;
    line->kind = EQ_JOINED;
    if (bytes == 4 || bytes == 8) {
        line->step = eq_neon64_even_step(line->offsets, segments);
        line->kind = line->step ? EQ_EVEN : EQ_JOINED;
    } else if (segments == 3 && bytes > 8 && bytes < 16) {
        line->kind = EQ_TABLE;
        find_order(bytes, line->order);
    }
}

int32_t eq_neon64_bytes_in_line(int32_t columns, int32_t segments, int32_t segment_bytes, int32_t group) {
    if (columns == 1 || segment_bytes > 16 || eq_window_too_long(segments, segment_bytes)) {
        return segment_bytes;
    }
    const int32_t wider = segment_bytes <= 4 ? 4 : segment_bytes <= 8 ? 8 : 16, step = group == 4 ? 4 : 8;
    const int32_t more = (segments * wider + step - 1) / step - (segments * segment_bytes + step - 1) / step;
    return 3 * more * ((columns + 7) / 8) <= segments && eq_rows_fit(segments * wider, 1) ? wider : segment_bytes;
}

/* Chunks of several rows at once: an instruction loads up to four chunks of a row, or stores one chunk of two rows. */
EQ_INLINE void interleave_whole(const eq_line *line, const int8_t *const *windows, int8_t *block, const int rows) {
    const ptrdiff_t bytes = line->bytes, block_bytes = (bytes + 15) / 16 * 16 * rows;
    const ptrdiff_t *offset = line->offsets, *end = offset + line->segments;
    const int8_t *from[8];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = windows[r];
    }
    for (ptrdiff_t at = 0; offset != end; offset++, block += block_bytes) {
        int8_t *to = block;
        ptrdiff_t left = bytes;
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            from[r] += *offset - at;
        }
        for (; left > 32; left -= 64, to += 64 * rows) {
            EQ_UNROLL
            for (int r = 0; r < rows; r += 2) {
                const int8x16x4_t a = vld1q_s8_x4(from[r]), b = vld1q_s8_x4(from[r + 1]);
                from[r] += 64, from[r + 1] += 64;
                __asm__("" : "+r"(from[r]), "+r"(from[r + 1])); /* by the loads themselves */
                EQ_UNROLL
                for (int c = 0; c < 4; c++) {
                    vst1q_s8(to + 16 * (c * rows + r), a.val[c]);
                    vst1q_s8(to + 16 * (c * rows + r + 1), b.val[c]);
                }
            }
        }
        if (left > 16) {
            EQ_UNROLL
            for (int r = 0; r < rows; r += 2) {
                const int8x16x2_t a = vld1q_s8_x2(from[r]), b = vld1q_s8_x2(from[r + 1]);
                vst1q_s8(to + 16 * r, a.val[0]), vst1q_s8(to + 16 * r + 16, b.val[0]);
                vst1q_s8(to + 16 * (rows + r), a.val[1]), vst1q_s8(to + 16 * (rows + r) + 16, b.val[1]);
            }
        } else if (left > 0) {
            EQ_UNROLL
            for (int r = 0; r < rows; r++) {
                vst1q_s8(to + 16 * r, vld1q_s8(from[r]));
            }
        }
        at = *offset + bytes - left;
    }
}

/* Of four rows, whose places are %0 to %3, the segment at each, which then is the next: `type` and `lane` of v0 to v3. */
#define LOAD(type, lane)                                            \
    "ld1 {v0." type "}" lane ", [%0], %6\n\tld1 {v1." type "}" lane \
    ", [%1], %6\n\t"                                                \
    "ld1 {v2." type "}" lane ", [%2], %6\n\tld1 {v3." type "}" lane ", [%3], %6\n\t"
#define STORE "st1 {v0.16b-v3.16b}, [%4], %7\n\t"
#define OPERANDS                                                  \
    : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(block), "+r"(left) \
    : "r"(line->step), "r"(chunk_step) \
    : "v0", "v1", "v2", "v3", "cc", "memory"

/* Each of the following does `rows` rows, 4 or 8, four by four. */
static __attribute__((noinline)) void interleave_even(const eq_line *line, const int8_t *const *windows, int8_t *blocks,
                                                      int32_t rows) {
    const ptrdiff_t first = *line->offsets, chunk_step = 16 * rows;
    for (; rows > 0; rows -= 4, windows += 4, blocks += 64) {
        const int8_t *a = windows[0] + first, *b = windows[1] + first, *c = windows[2] + first, *d = windows[3] + first;
        int8_t *block = blocks;
        int32_t left = line->segments;
        if (line->bytes == 8) {
            __asm__ volatile(
                "subs %w5, %w5, #2\n\tb.lt 2f\n"
                "1:\n\t" LOAD("8b", "") LOAD("d", "[1]") "subs %w5, %w5, #2\n\t" STORE
                                                         "b.ge 1b\n"
                                                         "2:\n\ttbz %w5, #0, 3f\n\t" LOAD("8b", "") STORE "3:\n\t" OPERANDS);
        } else {
            __asm__ volatile(
                "subs %w5, %w5, #4\n\tb.lt 2f\n"
                "1:\n\t" LOAD("s", "[0]") LOAD("s", "[1]") LOAD("s", "[2]") LOAD(
                    "s", "[3]") "subs %w5, %w5, #4\n\t" STORE
                                "b.ge 1b\n"
                                "2:\n\tadds %w5, %w5, #4\n\tb.eq 4f\n\t" LOAD("s", "[0]") "cmp %w5, #2\n\tb.lt 3f\n\t" LOAD(
                                    "s", "[1]") "b.eq 3f\n\t" LOAD("s", "[2]") "3:\n\t" STORE "4:\n\t" OPERANDS);
        }
    }
}

EQ_INLINE int8x16x4_t chunk_of(const int8x16x3_t rows[4], uint8x16_t order) {
    return (int8x16x4_t){
        {vqtbl3q_s8(rows[0], order), vqtbl3q_s8(rows[1], order), vqtbl3q_s8(rows[2], order), vqtbl3q_s8(rows[3], order)}};
}

static __attribute__((noinline)) void interleave_by_table(const eq_line *line, const int8_t *const *windows, int8_t *block,
                                                          int32_t rows) {
    const ptrdiff_t a = line->offsets[0], b = line->offsets[1], c = line->offsets[2], chunk_step = 16 * rows;
    for (; rows > 0; rows -= 4, windows += 4, block += 64) {
        int8x16x3_t table[4];
        EQ_UNROLL
        for (int r = 0; r < 4; r++) {
            const int8_t *in = windows[r];
            table[r] = (int8x16x3_t){{vld1q_s8(in + a), vld1q_s8(in + b), vld1q_s8(in + c)}};
        }
        vst1q_s8_x4(block, chunk_of(table, line->order[0]));
        vst1q_s8_x4(block + chunk_step, chunk_of(table, line->order[1]));
        if (line->bytes > 10) {
            vst1q_s8_x4(block + 2 * chunk_step, chunk_of(table, line->order[2]));
        }
    }
}

static __attribute__((noinline)) void interleave_joined(const eq_line *line, const int8_t *const *windows, int8_t *blocks,
                                                        int32_t rows) {
    enum { LINE_BYTES = EQ_BLOCK_BYTES / 4 };
    const ptrdiff_t chunk_step = 16 * rows;
    int8_t lines[EQ_BLOCK_BYTES];
    for (; rows > 0; rows -= 4, windows += 4, blocks += 64) {
        eq_join_segments(line, windows, lines, 4, LINE_BYTES);
        const int8_t *from = lines;
        int8_t *block = blocks;
        for (int32_t left = line->segments * line->bytes; left > 0; left -= 16, from += 16, block += chunk_step) {
            const int8x16x4_t chunk = {{vld1q_s8(from), vld1q_s8(from + LINE_BYTES), vld1q_s8(from + 2 * LINE_BYTES),
                                        vld1q_s8(from + 3 * LINE_BYTES)}};
            vst1q_s8_x4(block, chunk);
        }
    }
}

/* Segments that are no whole chunks. */
EQ_INLINE void interleave_short(const eq_line *line, const int8_t *const *windows, int8_t *block, int32_t rows) {
    if (line->kind == EQ_EVEN) {
        interleave_even(line, windows, block, rows);
    } else if (line->kind == EQ_TABLE) {
        interleave_by_table(line, windows, block, rows);
    } else {
        interleave_joined(line, windows, block, rows);
    }
}

void eq_neon64_interleave_4(const eq_line *line, const int8_t *const *windows, int8_t *block) {
    if (line->kind == EQ_WHOLE) {
        interleave_whole(line, windows, block, 4);
    } else {
        interleave_short(line, windows, block, 4);
    }
}

void eq_neon64_interleave_8(const eq_line *line, const int8_t *const *windows, int8_t *block) {
    if (line->kind == EQ_WHOLE) {
        interleave_whole(line, windows, block, 8);
    } else {
        interleave_short(line, windows, block, 8);
    }
}
