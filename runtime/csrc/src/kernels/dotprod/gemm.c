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

EQ_INLINE void start(const eq_output_stage *stage, const int8_t *bias, int32x4_t sums[8][2], const int rows) {
    const int32x4_t low = vaddq_s32(vld1q_s32((const void *)bias), stage->offset);
    const int32x4_t high = vaddq_s32(vld1q_s32((const void *)(bias + 16)), stage->offset);
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        sums[r][0] = low, sums[r][1] = high;
    }
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

EQ_INLINE void run_tile(const eq_product *p, const eq_output_stage *stage, const int8_t *taps, int32_t groups,
                        const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    (void)p;
    int32x4_t sums[8][2];
    start(stage, packed, sums, rows);
    packed = add_groups(sums, taps, packed + 32, groups, rows);
    finish(stage, packed, sums, pixels, column, rows);
}

/* With windows 16 bytes apart (16 channels, stride 1) the input is already in the order that interleaving gives. */
EQ_INLINE void run_tile_in_place(const eq_product *p, const eq_output_stage *stage, const int8_t *window, int32_t groups,
                                 const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    (void)groups;
    const eq_gemm *g = p->gemm;
    const ptrdiff_t *offset = g->segment_offsets, *end = offset + g->segments;
    const uint32_t chunks = (uint32_t)g->segment_bytes / 16;
    int32x4_t sums[8][2];
    start(stage, packed, sums, rows);
    for (packed += 32; offset != end; offset++) {
        packed = add_chunks(sums, window + *offset, packed, chunks, rows, 16);
    }
    finish(stage, packed, sums, pixels, column, rows);
}

/* How many of the `times` groups of 8 windows at `in` lie so, one group after the other. */
static int32_t groups_in_place(const eq_gemm *g, const int8_t *const *in, int32_t times) {
    if (g->segment_bytes % 16 != 0) {
        return 0;
    }
    for (int32_t i = 0; i < times; i++, in += 8) {
        bool adjacent = true;
        EQ_UNROLL
        for (int r = 1; r < 8; r++) {
            adjacent &= in[r] == in[0] + 16 * r;
        }
        if (!adjacent) {
            return i;
        }
    }
    return times;
}

static __attribute__((noinline)) void run_8_rows_in_place(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                          int32_t times) {
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in += 8, out += 8) {
        eq_run_tiles(p, &stage, in[0], out, 8, run_tile_in_place);
    }
}

/* Each number of rows has a function, and so the registers, for itself. */
static __attribute__((noinline)) void run_8_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                 int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    while (times > 0) {
        int32_t done = groups_in_place(p->gemm, in, times);
        if (done) {
            run_8_rows_in_place(p, in, out, done);
        } else {
            done = 1;
            eq_interleave_rows(p->gemm, in, block, 8);
            eq_run_tiles(p, &stage, block, out, 8, run_tile);
        }
        times -= done, in += 8 * done, out += 8 * done;
    }
}

static __attribute__((noinline)) void run_4_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                 int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in += 4, out += 4) {
        eq_interleave_rows(p->gemm, in, block, 4);
        eq_run_tiles(p, &stage, block, out, 4, run_tile);
    }
}

static __attribute__((noinline)) void run_1_row(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                int32_t times) {
    int8_t line[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in++, out++) {
        eq_run_tiles(p, &stage, eq_single_row(p->gemm, in, line), out, 1, run_tile);
    }
}

void eq_dotprod_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                         int32_t last_column) {
    eq_run_all_rows(g, in, out, rows, first_column, last_column, GROUP, run_8_rows, run_4_rows, run_1_row);
}
