/* What the matrix products of AArch64 share: packed weights, and how many rows go at once.
 *
 * Packed, for every 8 columns: bias (8), weights (taps / group, 8, group), scale (8); the last taps and columns are zero. A
 * group is what one instruction takes of a column. For groups of 4, where kernels load four vectors an instruction: bias (2, 8), weights, where
 * fused products begin (2, 8), scale. A single column, as a classifier of two classes ends in, has no others to share
 * a row's taps with: bias (4), scale (4), of which the first are its, weights (taps), up to a multiple of 16. */
#ifndef EQ_NEON64_TILES_H
#define EQ_NEON64_TILES_H

#include "kernels/scalar/set.h"
#include "rows.h"

EQ_INLINE int32_t eq_groups(int32_t taps, int32_t group) {
    return taps / group + (taps % group != 0);
}

/* Of a tile before its weights, and after them. */
EQ_INLINE int32_t eq_head_bytes(int32_t group) {
    return group == 4 ? 64 : 32;
}

EQ_INLINE int32_t eq_tail_bytes(int32_t group) {
    return group == 4 ? 96 : 32;
}

EQ_INLINE size_t eq_tile_bytes(int32_t taps, int32_t group) {
    return (size_t)eq_head_bytes(group) + (size_t)eq_groups(taps, group) * 8 * (size_t)group + (size_t)eq_tail_bytes(group);
}

enum { EQ_COLUMN_HEAD_BYTES = 32 }; /* of a single column */

EQ_INLINE int32_t eq_bytes_in_line(int32_t columns, int32_t segments, int32_t segment_bytes, int32_t group) {
    return segments == 1 ? segment_bytes : eq_neon64_bytes_in_line(columns, segments, segment_bytes, group);
}

EQ_INLINE size_t eq_packed_tiles_bytes(const eq_gemm_weights *w, int32_t group) {
    if (eq_window_too_long(w->segments, w->segment_bytes)) {
        return eq_scalar_gemm_packed_bytes(w);
    }
    const int32_t taps = w->segments * eq_bytes_in_line(w->columns, w->segments, w->segment_bytes, group);
    return w->columns == 1 ? EQ_COLUMN_HEAD_BYTES + 16 * (size_t)eq_groups(taps, 16)
                           : eq_tile_bytes(taps, group) * (size_t)eq_groups(w->columns, 8);
}

/* Whole chunks of 8 columns that are `taps` bytes apart, in groups of 4 taps. */
EQ_INLINE void eq_pack_chunks(const int8_t *from, int32_t taps, int8_t *to) {
    for (int32_t chunk = taps / 16; chunk > 0; chunk--, from += 16, to += 128) {
        const int8_t *column = from;
        EQ_UNROLL
        for (int half = 0; half < 2; half++) {
            int32x4x4_t four;
            EQ_UNROLL
            for (int n = 0; n < 4; n++, column += taps) {
                four.val[n] = vreinterpretq_s32_s8(vld1q_s8(column));
            }
            int32_t *group = (int32_t *)(void *)(to + 16 * half);
            vst4q_lane_s32(group, four, 0);
            vst4q_lane_s32(group + 8, four, 1);
            vst4q_lane_s32(group + 16, four, 2);
            vst4q_lane_s32(group + 24, four, 3);
        }
    }
}

EQ_INLINE void eq_pack_tiles(const eq_gemm_weights *w, void *packed, int32_t group) {
    if (eq_window_too_long(w->segments, w->segment_bytes)) {
        eq_scalar_gemm_pack(w, packed);
        return;
    }
    const int32_t bytes = eq_bytes_in_line(w->columns, w->segments, w->segment_bytes, group);
    const int32_t taps = w->segments * bytes, bits = eq_bias_bits(w->small, w->zero_point);
    if (w->columns == 1) {
        const int32_t bias = eq_add_wrapping(*w->bias, bits);
        memcpy(packed, &bias, 4);
        memcpy((int8_t *)packed + 16, w->scale, 4);
        memcpy((int8_t *)packed + EQ_COLUMN_HEAD_BYTES, w->weights, (size_t)taps);
        return;
    }
    const size_t tile_bytes = eq_tile_bytes(taps, group);
    for (int32_t n = 0; n < w->columns; n++) {
        int8_t *tile = (int8_t *)packed + (size_t)(n / 8) * tile_bytes;
        const int8_t *from = w->weights + (size_t)n * (size_t)(w->segments * w->segment_bytes);
        const int32_t bias = eq_add_wrapping(w->bias[n], bits);
        memcpy(tile + n % 8 * 4, &bias, 4);
        if (eq_head_bytes(group) > 32) {
            const float start = eq_fused_start(w->scale[n]);
            memcpy(tile + 32 + n % 8 * 4, &bias, 4);
            memcpy(tile + tile_bytes - 96 + n % 8 * 4, &start, 4);
            memcpy(tile + tile_bytes - 64 + n % 8 * 4, &start, 4);
        }
        memcpy(tile + tile_bytes - 32 + n % 8 * 4, &w->scale[n], 4);
        int8_t *to = tile + eq_head_bytes(group) + n % 8 * group;
        if (bytes != w->segment_bytes) {
            for (int32_t s = 0; s < w->segments; s++) {
                for (int32_t k = s * bytes; k < s * bytes + w->segment_bytes; k++) {
                    to[k / group * 8 * group + k % group] = *from++;
                }
            }
            continue;
        }
        int32_t k = taps / group;
        if (group == 4 && n / 8 * 8 + 8 <= w->columns) {
            if (n % 8 == 0) {
                eq_pack_chunks(from, taps, to);
            }
            from += taps / 16 * 16, to += taps / 16 * 128, k %= 4;
        }
        for (; k > 0; k--, from += group, to += 8 * group) {
            memcpy(to, from, (size_t)group);
        }
        memcpy(to, from, (size_t)(taps % group));
    }
}

/* One call of a kernel. */
typedef struct eq_product {
    eq_line line;
    eq_output_stage stage;
    const int8_t *packed; /* of the first column */
    size_t tile_bytes;
    int32_t taps, groups;                      /* for each column */
    ptrdiff_t first_column, last_column, rest; /* `rest` columns are no whole tile */
} eq_product;

/* Computes `rows` rows (a constant) by the 8 columns at `packed`, to pixels[r] + column. What `taps` are is the set's business. Returns
 * where the next 8 columns are. */
typedef const int8_t *(*eq_tile_fn)(const eq_product *p, const eq_output_stage *stage, const void *taps, int32_t groups,
                                    const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows);

/* All columns of `rows` rows whose taps are ready. The last columns, if fewer than 8, take a way round. */
EQ_INLINE void eq_run_tiles(const eq_product *p, const eq_output_stage *stage, const void *taps, int8_t *const *out,
                            const int rows, eq_tile_fn run_tile) {
    const size_t rest = (size_t)p->rest;
    const int32_t groups = p->groups;
    const int8_t *packed = p->packed;
    int8_t *pixels[8], part[8][8];
    ptrdiff_t column = p->first_column, end = p->last_column - p->rest;
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        pixels[r] = out[r];
    }
    for (size_t more = rest;;) {
        for (; column < end; column += 8) {
            packed = run_tile(p, stage, taps, groups, packed, pixels, column, rows);
        }
        if (more == 0) {
            break;
        }
        int8_t *to = part[0];
        column = 0, end = 8, more = 0;
        /* Else compilers write the loop twice, and keep the places in registers for the few layers that need them. */
        __asm__ volatile("" : "+r"(column), "+r"(end), "+r"(more), "+r"(to));
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            pixels[r] = to + 8 * r;
        }
    }
    if (rest) {
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            memcpy(out[r] + p->last_column - rest, part[r], rest);
        }
    }
}

/* Runs `times` times as many rows as it takes at once. */
typedef void (*eq_rows_fn)(const eq_product *p, const int8_t *const *in, int8_t *const *out, int32_t times);

/* The next rows by a function that takes `most` at once: if there are fewer, the last one is done again. Returns the rest. */
EQ_INLINE int32_t eq_run_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out, int32_t rows, eq_rows_fn run,
                              const int32_t most) {
    if (rows >= most) {
        run(p, in, out, rows / most);
        return rows % most;
    }
    const int8_t *windows[8];
    int8_t *pixels[8];
    for (int32_t r = 0; r < most; r++) {
        windows[r] = in[r < rows ? r : rows - 1];
        pixels[r] = out[r < rows ? r : rows - 1];
    }
    run(p, windows, pixels, 1);
    return 0;
}

/* Adds products of 16 taps to four sums. */
typedef int32x4_t (*eq_add_products_fn)(int32x4_t sums, int8x16_t a, int8x16_t b);

/* All rows of a single column, in parts of their sums: SDOT and SADALP wait for the ones before them in theirs. */
EQ_INLINE void eq_run_column(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows,
                             eq_add_products_fn add_products) {
    int8_t line[EQ_BLOCK_BYTES];
    const eq_output_stage stage = eq_output_stage_of(g->zero_point, g->min, g->max, g->small);
    const int8_t *packed = g->packed;
    const int32x4_t bias = vld1q_s32((const void *)packed);
    const float32x4_t scale = vld1q_f32((const void *)(packed + 16));
    eq_line segments;
    eq_set_line(&segments, g->segments, g->segment_bytes, g->segment_offsets);
    for (int32_t r = 0; r < rows; r++) {
        const int8_t *taps = eq_single_row(&segments, in + r, line), *weights = packed + EQ_COLUMN_HEAD_BYTES;
        int32x4_t a = bias, b = vdupq_n_s32(0);
        int32_t left = g->segments * g->segment_bytes;
        for (; left > 16; left -= 32, taps += 32, weights += 32) {
            a = add_products(a, vld1q_s8(taps), vld1q_s8(weights));
            b = add_products(b, vld1q_s8(taps + 16), vld1q_s8(weights + 16));
        }
        if (left > 0) {
            a = add_products(a, vld1q_s8(taps), vld1q_s8(weights));
        }
        const int32x4_t sum = vdupq_n_s32(vaddvq_s32(vaddq_s32(a, b)));
        const int16x8_t scaled =
            stage.small ? eq_scale_small(&stage, sum, sum, scale, scale) : eq_scale_any(sum, sum, scale, scale);
        vst1q_lane_s8(out[r], eq_to_outputs(&stage, scaled, scaled, false), 0);
    }
}

/* All rows, with functions for 8 (or NULL), 4 and 1 of them. */
EQ_INLINE void eq_run_all_rows(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows,
                               int32_t first_column, int32_t last_column, const int32_t group, eq_rows_fn run_8,
                               eq_rows_fn run_4, eq_rows_fn run_1) {
    if (eq_window_too_long(g->segments, g->segment_bytes)) {
        eq_scalar_gemm_run(g, in, out, rows, first_column, last_column);
        return;
    }
    const int32_t bytes = eq_bytes_in_line(g->columns, g->segments, g->segment_bytes, group), taps = g->segments * bytes;
    const size_t tile_bytes = eq_tile_bytes(taps, group);
    eq_product p; /* what a kind of line does not need stays unwritten */
    eq_set_line(&p.line, g->segments, bytes, g->segment_offsets);
    p.line.in_step = g->in_step;
    p.stage = eq_output_stage_of(g->zero_point, g->min, g->max, g->small);
    p.packed = (const int8_t *)g->packed + (size_t)(first_column / 8) * tile_bytes;
    p.tile_bytes = tile_bytes;
    p.taps = taps, p.groups = eq_groups(taps, group);
    p.first_column = first_column, p.last_column = last_column, p.rest = (last_column - first_column) % 8;
    while (rows > 0) {
        int32_t rest;
        if (run_8 && rows >= 7 && eq_rows_fit(taps, 8)) {
            rest = eq_run_rows(&p, in, out, rows, run_8, 8);
        } else if (rows >= 3 && eq_rows_fit(taps, 4)) {
            rest = eq_run_rows(&p, in, out, rows, run_4, 4);
        } else {
            rest = eq_run_rows(&p, in, out, rows, run_1, 1);
        }
        in += rows - rest, out += rows - rest, rows = rest;
    }
}

#endif
