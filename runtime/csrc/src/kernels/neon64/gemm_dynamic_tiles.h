/* Matrix products of dynamic range on AArch64: the tiles of int8 products (tiles.h), whose sums become floats. Include after tile_sums.h,
 * and
 *
 *     PREFIX(name)   the set's functions
 *     MOST_ROWS      4 or 8
 *     NO_MINIMUM     whether sums of products with -128 may overflow
 *     taps_source, source_of_taps(line, block, groups)   what is known of the taps of all windows; there is a block for MOST_ROWS
 *     taps_of_rows, take_taps(source, line, in, block)   the taps of MOST_ROWS windows
 *     sum_tile(sums, taps, groups, weights, rows)   the sums of a tile, sums[rows][2]
 *
 * Packed: 64 bytes that say which form follows. Tiles: for every 8 columns sum of the weights (8), weights (taps / group, 8, group), scale
 * (8), bias (2, 8). Otherwise, for windows that are too long and weights that overflow, what eq_neon_gemm_dynamic_pack() makes. */
#include <math.h>

#include "kernels/neon/set.h"
#include "kernels/neon64/tiles.h"

enum { HEADER = 64, TILE_EXTRA = 128 /* bytes of a tile that are no weights */ };

static size_t tile_bytes(const eq_gemm_dynamic_weights *w) {
    return TILE_EXTRA + (size_t)eq_groups(w->segments * w->segment_bytes, GROUP) * 8 * GROUP;
}

static bool has_minimum(const eq_gemm_dynamic_weights *w) {
    const size_t count = (size_t)w->columns * (size_t)w->segments * (size_t)w->segment_bytes;
    int8_t least = 0;
    for (size_t i = 0; NO_MINIMUM && i < count; i++) {
        least = w->weights[i] < least ? w->weights[i] : least;
    }
    return least == -128;
}

size_t PREFIX(gemm_dynamic_packed_bytes)(const eq_gemm_dynamic_weights *w) {
    const size_t other = eq_neon_gemm_dynamic_packed_bytes(w);
    const bool long_window = eq_window_too_long(w->segments, w->segment_bytes);
    const size_t tiles = long_window ? 0 : tile_bytes(w) * (size_t)eq_groups(w->columns, 8);
    return HEADER + (tiles > other ? tiles : other);
}

void PREFIX(gemm_dynamic_pack)(const eq_gemm_dynamic_weights *w, void *packed) {
    const int32_t taps = w->segments * w->segment_bytes;
    const bool tiles = !eq_window_too_long(w->segments, w->segment_bytes) && !has_minimum(w);
    *(int8_t *)packed = tiles;
    if (!tiles) {
        eq_neon_gemm_dynamic_pack(w, (int8_t *)packed + HEADER);
        return;
    }
    const size_t bytes = tile_bytes(w);
    for (int32_t n = 0; n < w->columns; n++) {
        int8_t *tile = (int8_t *)packed + HEADER + (size_t)(n / 8) * bytes, *end = tile + bytes + n % 8 * 4;
        const int8_t *from = w->weights + (size_t)n * (size_t)taps;
        int32_t sum = 0;
        for (int32_t k = 0; k < taps; k++) {
            tile[32 + ((ptrdiff_t)(k / GROUP) * 8 + n % 8) * GROUP + k % GROUP] = from[k];
            sum += from[k];
        }
        memcpy(tile + n % 8 * 4, &sum, sizeof sum);
        memcpy(end - 96, &w->scale[n], sizeof *w->scale);
        if (w->bias) {
            memcpy(end - 64, &w->bias[n], sizeof *w->bias);
            memcpy(end - 32, &w->bias[n], sizeof *w->bias);
        }
    }
}

/* One call of a kernel. */
typedef struct dynamic_call {
    eq_line line;
    bool has_min, has_max;
    float32x4_t min, max;
    const int8_t *packed; /* of the first column */
    size_t tile_bytes;
    int32_t groups, first_column, last_column;
} dynamic_call;

/* How four rows became int8, in lanes; or one, in all. */
typedef struct row_scales {
    float32x4_t scale;
    int32x4_t zero_point;
} row_scales;

EQ_INLINE row_scales load_scales(const eq_dynamic_scale *scales, const bool single) {
    if (single) {
        return (row_scales){vdupq_n_f32(scales->scale), vdupq_n_s32(scales->zero_point)};
    }
    const int32x4x2_t four = vld2q_s32((const void *)scales);
    return (row_scales){vreinterpretq_f32_s32(four.val[0]), four.val[1]};
}

/* Sums times their row's scale become results: fused with the columns' scales and bias, which comes by a load of four vectors, as it is there
 * twice. Compilers copy it. */
EQ_INLINE void scale_columns(float32x4_t values[4], const float *bias, const float32x4_t column_scale[2]) {
    register float32x4_t a __asm__("v24"), b __asm__("v25"), c __asm__("v26"), d __asm__("v27");
    __asm__(
        "ld1 {v24.4s-v27.4s}, [%8]\n\tfmla %0.4s, %4.4s, %9.4s\n\tfmla %1.4s, %5.4s, %10.4s\n\tfmla %2.4s, %6.4s, %9.4s\n\t"
        "fmla %3.4s, %7.4s, %10.4s"
        : "=&w"(a), "=&w"(b), "=&w"(c), "=&w"(d)
        : "w"(values[0]), "w"(values[1]), "w"(values[2]), "w"(values[3]), "r"(bias), "w"(column_scale[0]), "w"(column_scale[1]),
          "m"(*(const float (*)[16])bias));
    values[0] = a, values[1] = b, values[2] = c, values[3] = d;
}

/* A tile of `rows` rows (a constant), two by two; moves `out` past it. */
EQ_INLINE void run_tile(const dynamic_call *call, const void *taps, const int8_t *packed, const eq_dynamic_scale *scales,
                        float **out, const int rows) {
    int32x4_t sums[8][2];
    sum_tile(sums, taps, call->groups, packed + 32, rows);
    const int32_t *weight_sums = (const void *)packed;
    const float *scale = (const void *)(packed + call->tile_bytes - 96);
    const int32x4_t column_sums[2] = {vld1q_s32(weight_sums), vld1q_s32(weight_sums + 4)};
    const float32x4_t column_scale[2] = {vld1q_f32(scale), vld1q_f32(scale + 4)};
    const bool has_min = call->has_min, has_max = call->has_max;
    row_scales row;
    EQ_UNROLL
    for (int r = 0; r < rows; r += 2) {
        if (r % 4 == 0) {
            row = load_scales(scales + r, rows == 1);
        }
        float32x4_t values[4];
        EQ_UNROLL
        for (int i = 0; i < 4; i++) {
            const int of = r + i / 2 < rows ? r + i / 2 : r;
            const int32x4_t sum = vmlsq_s32(sums[of][i % 2], column_sums[i % 2], vdupq_n_s32(row.zero_point[of % 4]));
            values[i] = vmulq_n_f32(vcvtq_f32_s32(sum), row.scale[of % 4]);
        }
        scale_columns(values, scale + 8, column_scale);
        if (has_min) {
            EQ_UNROLL
            for (int i = 0; i < 4; i++) {
                values[i] = vmaxq_f32(values[i], call->min);
            }
        }
        if (has_max) {
            EQ_UNROLL
            for (int i = 0; i < 4; i++) {
                values[i] = vminq_f32(values[i], call->max);
            }
        }
        EQ_UNROLL
        for (int i = 0; i < 4 && r + i / 2 < rows; i += 2) {
            vst1q_f32(out[r + i / 2], values[i]);
            vst1q_f32(out[r + i / 2] + 4, values[i + 1]);
            out[r + i / 2] += 8;
        }
    }
}

/* All columns of `rows` rows whose taps are ready. */
EQ_INLINE void run_columns(const dynamic_call *call, const void *taps, const eq_dynamic_scale *scales, float *const *out,
                           const int rows) {
    const int8_t *packed = call->packed;
    const size_t bytes = call->tile_bytes;
    int32_t left = call->last_column - call->first_column;
    float part[8][8], *pixels[8];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        pixels[r] = out[r] + call->first_column;
    }
    for (; left > 0; left -= 8, packed += bytes) {
        if (left < 8) {
            EQ_UNROLL
            for (int r = 0; r < rows; r++) {
                pixels[r] = part[r];
            }
        }
        run_tile(call, taps, packed, scales, pixels, rows);
    }
    if (left < 0) {
        const size_t rest = (size_t)(left + 8);
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            memcpy(out[r] + call->last_column - rest, part[r], rest * sizeof(float));
        }
    }
}

/* Each number of rows has a function, and so the registers, for itself. */
static __attribute__((noinline)) void run_most_rows(const dynamic_call *call, const int8_t *const *in,
                                                    const eq_dynamic_scale *scales, float *const *out, int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const taps_source source = source_of_taps(&call->line, block, call->groups);
    for (; times > 0; times--, in += MOST_ROWS, scales += MOST_ROWS, out += MOST_ROWS) {
        const taps_of_rows taps = take_taps(&source, &call->line, in, block);
        run_columns(call, &taps, scales, out, MOST_ROWS);
    }
}

static __attribute__((noinline)) void run_1_row(const dynamic_call *call, const int8_t *const *in,
                                                const eq_dynamic_scale *scales, float *const *out) {
    int8_t line[EQ_BLOCK_BYTES];
    run_columns(call, eq_single_row(&call->line, in, line), scales, out, 1);
}

/* Fewer rows than a tile has: the last one is done again. */
static void run_last_rows(const dynamic_call *call, const int8_t *const *in, const eq_dynamic_scale *scales, float *const *out,
                          int32_t rows) {
    const int8_t *windows[MOST_ROWS];
    eq_dynamic_scale each[MOST_ROWS];
    float *pixels[MOST_ROWS];
    for (int32_t r = 0; r < MOST_ROWS; r++) {
        const int32_t from = r < rows ? r : rows - 1;
        windows[r] = in[from], each[r] = scales[from], pixels[r] = out[from];
    }
    run_most_rows(call, windows, each, pixels, 1);
}

void PREFIX(gemm_dynamic_run)(const eq_gemm_dynamic *g, const int8_t *const *in, const eq_dynamic_scale *scales,
                              float *const *out, int32_t rows, int32_t first_column, int32_t last_column) {
    const int32_t taps = g->segments * g->segment_bytes, groups = eq_groups(taps, GROUP);
    const size_t bytes = TILE_EXTRA + (size_t)groups * 8 * GROUP;
    const int8_t *packed = (const int8_t *)g->packed + HEADER;
    if (!*(const int8_t *)g->packed) {
        eq_gemm_dynamic other = *g;
        other.packed = packed;
        eq_neon_gemm_dynamic_run(&other, in, scales, out, rows, first_column, last_column);
        return;
    }
    dynamic_call call = {
        .has_min = !isinf(g->min),
        .has_max = !isinf(g->max),
        .min = vdupq_n_f32(g->min),
        .max = vdupq_n_f32(g->max),
        .packed = packed + (size_t)(first_column / 8) * bytes,
        .tile_bytes = bytes,
        .groups = groups,
        .first_column = first_column,
        .last_column = last_column,
    };
    eq_set_line(&call.line, g->segments, g->segment_bytes, g->segment_offsets);
    const bool fits = eq_rows_fit(taps, MOST_ROWS);
    if (fits && rows >= MOST_ROWS) {
        const int32_t whole = rows / MOST_ROWS * MOST_ROWS;
        run_most_rows(&call, in, scales, out, rows / MOST_ROWS);
        in += whole, scales += whole, out += whole, rows -= whole;
    }
    if (fits && rows > MOST_ROWS / 4) {
        run_last_rows(&call, in, scales, out, rows);
        return;
    }
    for (; rows > 0; in++, scales++, out++, rows--) {
        run_1_row(&call, in, scales, out);
    }
}
