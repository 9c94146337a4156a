/* Matrix products with SDOT, which adds four products to each of four sums. */
#include "kernels/neon64/tiles.h"
#include "set.h"
#include "tile_sums.h"

size_t eq_dotprod_gemm_packed_bytes(const eq_gemm_weights *w) {
    return eq_packed_tiles_bytes(w, GROUP);
}

void eq_dotprod_gemm_pack(const eq_gemm_weights *w, void *packed) {
    eq_pack_tiles(w, packed, GROUP);
}

EQ_INLINE void finish(const eq_output_stage *stage, const int8_t *scale, int32x4_t sums[8][2], int8_t *const *pixels,
                      ptrdiff_t column, const int rows) {
    const float32x4_t low = vld1q_f32((const void *)scale), high = vld1q_f32((const void *)(scale + 16));
    int16x8_t scaled[8];
    if (stage->small) {
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            scaled[r] = eq_scale_small(stage, sums[r][0], sums[r][1], low, high);
        }
    } else {
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            scaled[r] = eq_scale_any(sums[r][0], sums[r][1], low, high);
        }
    }
    eq_store_rows(stage, scaled, pixels, column, rows);
}

EQ_INLINE void run_tile_of_8(const eq_product *p, const eq_output_stage *stage, const void *taps, int32_t groups,
                             const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    (void)p;
    int32x4_t sums[8][2];
    packed = sum_8_rows(sums, packed, taps, (uint32_t)groups % 4, packed + 32);
    finish(stage, packed, sums, pixels, column, rows);
}

EQ_INLINE void run_tile_of_4(const eq_product *p, const eq_output_stage *stage, const void *taps, int32_t groups,
                             const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    (void)p;
    int32x4_t sums[8][2];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        sums[r][0] = vld1q_s32((const void *)packed), sums[r][1] = vld1q_s32((const void *)(packed + 16));
    }
    packed = add_4_rows(sums, taps, packed + 32, groups);
    finish(stage, packed, sums, pixels, column, rows);
}

EQ_INLINE void run_tile_of_1(const eq_product *p, const eq_output_stage *stage, const void *taps, int32_t groups,
                             const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    (void)p;
    int32x4_t sums[8][2];
    packed = sum_row(sums, packed, taps, packed + 32, groups);
    finish(stage, packed, sums, pixels, column, rows);
}

/* With windows 16 bytes apart (16 channels, stride 1) the input is already in the order that interleaving gives. */
static bool lie_interleaved(const eq_gemm *g, const int8_t *const *in) {
    bool adjacent = g->segment_bytes % 16 == 0;
    EQ_UNROLL
    for (int r = 1; r < 8; r++) {
        adjacent &= in[r] == in[0] + 16 * r;
    }
    return adjacent;
}

/* Each number of rows has a function, and so the registers, for itself. */
static __attribute__((noinline)) void run_8_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                 int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_gemm *g = p->gemm;
    const eq_output_stage stage = p->stage;
    const taps_of_8 in_block = taps_in_block(block, p->groups);
    for (; times > 0; times--, in += 8, out += 8) {
        taps_of_8 taps = {in[0], g->segment_offsets, g->segments, (uint32_t)g->segment_bytes / 16, 16};
        if (!lie_interleaved(g, in)) {
            eq_interleave_rows(g, in, block, 8);
            taps = in_block;
        }
        eq_run_tiles(p, &stage, &taps, out, 8, run_tile_of_8);
    }
}

static __attribute__((noinline)) void run_4_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                 int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in += 4, out += 4) {
        eq_interleave_rows(p->gemm, in, block, 4);
        eq_run_tiles(p, &stage, block, out, 4, run_tile_of_4);
    }
}

static __attribute__((noinline)) void run_1_row(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                int32_t times) {
    int8_t line[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in++, out++) {
        eq_run_tiles(p, &stage, eq_single_row(p->gemm, in, line), out, 1, run_tile_of_1);
    }
}

static __attribute__((noinline)) void run_column(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows) {
    eq_run_column(g, in, out, rows, vdotq_s32);
}

void eq_dotprod_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                         int32_t last_column) {
    if (g->columns == 1 && !eq_window_too_long(g->segments, g->segment_bytes)) {
        run_column(g, in, out, rows);
        return;
    }
    eq_run_all_rows(g, in, out, rows, first_column, last_column, GROUP, run_8_rows, run_4_rows, run_1_row);
}
