/* Matrix products of dynamic range on AArch64: the tiles of int8 products (tiles.h), whose sums become floats. Include after tile_sums.h,
 * and
 *
 *     PREFIX(name)   the set's functions
 *     MOST_ROWS      4 or 8
 *     NO_MINIMUM     whether sums of products with -128 may overflow
 *     sum_tile(sums, taps, groups, packed, scales, rows)   the sums of a tile, sums[rows][2]
 *
 * Packed: 64 bytes that say which form follows. Tiles: for every 8 columns sum of the weights (8), weights (taps / group, 8, group), scale
 * (8), bias (8). Otherwise, for windows that are too long and weights that overflow, what eq_neon_gemm_dynamic_pack() makes. */
#include <math.h>

#include "kernels/neon/set.h"
#include "kernels/neon64/tiles.h"

enum { HEADER = 64, TILE_EXTRA = 96 /* bytes of a tile that are no weights */ };

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
        memcpy(end - 64, &w->scale[n], sizeof *w->scale);
        if (w->bias) {
            memcpy(end - 32, &w->bias[n], sizeof *w->bias);
        }
    }
}

/* One call of a kernel. */
typedef struct dynamic_call {
    const eq_gemm_dynamic *gemm;
    eq_gemm windows; /* segments alone */
    bool bounded;
    const int8_t *packed; /* of the first column */
    size_t tile_bytes;
    int32_t groups, first_column, last_column;
} dynamic_call;

/* A tile of `rows` rows (a constant). Everything is read before the first result is written: the compiler could not tell them apart. */
EQ_INLINE void run_tile(const dynamic_call *call, const int8_t *taps, const int8_t *packed, const eq_dynamic_scale *scales,
                        float *const *out, ptrdiff_t column, const int rows) {
    int32x4_t sums[8][2];
    float32x4_t values[8][2];
    sum_tile(sums, taps, call->groups, packed, scales, rows);
    const float *scale = (const void *)(packed + call->tile_bytes - 64), *bias = scale + 8;
    EQ_UNROLL
    for (int half = 0; half < 2; half++) {
        const float32x4_t column_scale = vld1q_f32(scale + 4 * half), column_bias = vld1q_f32(bias + 4 * half);
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            values[r][half] = vfmaq_f32(column_bias, vmulq_n_f32(vcvtq_f32_s32(sums[r][half]), scales[r].scale), column_scale);
        }
    }
    if (call->bounded) {
        const float32x4_t min = vdupq_n_f32(call->gemm->min), max = vdupq_n_f32(call->gemm->max);
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            values[r][0] = vminq_f32(vmaxq_f32(values[r][0], min), max);
            values[r][1] = vminq_f32(vmaxq_f32(values[r][1], min), max);
        }
    }
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        vst1q_f32(out[r] + column, values[r][0]);
        vst1q_f32(out[r] + column + 4, values[r][1]);
    }
}

/* All columns of `rows` rows whose taps are ready. */
EQ_INLINE void run_columns(const dynamic_call *call, const int8_t *taps, const eq_dynamic_scale *scales, float *const *out,
                           const int rows) {
    const int8_t *packed = call->packed;
    const ptrdiff_t last_column = call->last_column;
    const size_t bytes = call->tile_bytes;
    ptrdiff_t column = call->first_column;
    float part[8][8], *pixels[8];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        pixels[r] = out[r];
    }
    for (; column < last_column; column += 8, packed += bytes) {
        ptrdiff_t at = column;
        if (last_column - column < 8) {
            EQ_UNROLL
            for (int r = 0; r < rows; r++) {
                pixels[r] = part[r];
            }
            at = 0;
        }
        run_tile(call, taps, packed, scales, pixels, at, rows);
    }
    const size_t rest = (size_t)(last_column - call->first_column) % 8;
    if (rest) {
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            memcpy(out[r] + last_column - rest, part[r], rest * sizeof(float));
        }
    }
}

/* Each number of rows has a function, and so the registers, for itself. */
static __attribute__((noinline)) void run_most_rows(const dynamic_call *call, const int8_t *const *in,
                                                    const eq_dynamic_scale *scales, float *const *out) {
    int8_t block[EQ_BLOCK_BYTES];
    eq_interleave_rows(&call->windows, in, block, MOST_ROWS);
    run_columns(call, block, scales, out, MOST_ROWS);
}

static __attribute__((noinline)) void run_1_row(const dynamic_call *call, const int8_t *const *in,
                                                const eq_dynamic_scale *scales, float *const *out) {
    int8_t line[EQ_BLOCK_BYTES];
    run_columns(call, eq_single_row(&call->windows, in, line), scales, out, 1);
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
    run_most_rows(call, windows, each, pixels);
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
    const dynamic_call call = {
        .gemm = g,
        .windows = {.segments = g->segments, .segment_bytes = g->segment_bytes, .segment_offsets = g->segment_offsets},
        .bounded = !isinf(g->min) || !isinf(g->max),
        .packed = packed + (size_t)(first_column / 8) * bytes,
        .tile_bytes = bytes,
        .groups = groups,
        .first_column = first_column,
        .last_column = last_column,
    };
    const bool fits = eq_rows_fit(taps, MOST_ROWS);
    for (; fits && rows >= MOST_ROWS; in += MOST_ROWS, scales += MOST_ROWS, out += MOST_ROWS, rows -= MOST_ROWS) {
        run_most_rows(&call, in, scales, out);
    }
    if (fits && rows > MOST_ROWS / 4) {
        run_last_rows(&call, in, scales, out, rows);
        return;
    }
    for (; rows > 0; in++, scales++, out++, rows--) {
        run_1_row(&call, in, scales, out);
    }
}
