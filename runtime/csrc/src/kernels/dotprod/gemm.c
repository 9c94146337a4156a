/* Matrix products with SDOT, which adds four products to each of four sums. */
#include "../neon64/tiles.h"
#include "set.h"

enum { GROUP = 4 };

size_t eq_dotprod_gemm_packed_bytes(const eq_gemm_weights *w) {
    return eq_packed_tiles_bytes(w, GROUP);
}

void eq_dotprod_gemm_pack(const eq_gemm_weights *w, void *packed) {
    eq_pack_tiles(w, packed, GROUP);
}

/* The products of the four taps in lane `lane` of each row's chunk. */
#define ADD_PRODUCTS(lane)                                                                                       \
    do {                                                                                                         \
        const int8x16_t low = vld1q_s8(packed + 32 * (lane)), high = vld1q_s8(packed + 32 * (lane) + 16);        \
        _Pragma("GCC unroll 8") for (int r = 0; r < rows; r++) {                                                 \
            sums[r][0] = vdotq_laneq_s32(sums[r][0], low, a[r], lane);                                           \
            sums[r][1] = vdotq_laneq_s32(sums[r][1], high, a[r], lane);                                          \
        }                                                                                                        \
    } while (0)

/* `rows` rows (interleaved at `taps`) by the 8 columns at `packed`. */
EQ_INLINE void run_tile(const eq_output_stage *stage, const int8_t *taps, int32_t groups, const int8_t *packed,
                        int8_t *const *out, int32_t column, int32_t width, const int rows) {
    int32x4_t sums[8][2];
    int8x16_t a[8];
    const int32x4_t bias_low = vaddq_s32(vld1q_s32((const void *)packed), stage->offset);
    const int32x4_t bias_high = vaddq_s32(vld1q_s32((const void *)(packed + 16)), stage->offset);
    packed += 32;
    for (int r = 0; r < rows; r++) sums[r][0] = bias_low, sums[r][1] = bias_high;

    for (int32_t chunks = groups / 4; chunks > 0; chunks--) {
        for (int r = 0; r < rows; r++) a[r] = vld1q_s8(taps + 16 * r);
        ADD_PRODUCTS(0);
        ADD_PRODUCTS(1);
        ADD_PRODUCTS(2);
        ADD_PRODUCTS(3);
        taps += 16 * rows;
        packed += 128;
    }
    const int32_t rest = groups % 4;
    if (rest) {
        for (int r = 0; r < rows; r++) a[r] = vld1q_s8(taps + 16 * r);
        ADD_PRODUCTS(0);
        if (rest > 1) ADD_PRODUCTS(1);
        if (rest > 2) ADD_PRODUCTS(2);
        packed += 32 * rest;
    }

    const float32x4_t scale_low = vld1q_f32((const void *)packed), scale_high = vld1q_f32((const void *)(packed + 16));
    int16x8_t scaled[8];
    if (stage->small)
        for (int r = 0; r < rows; r++) scaled[r] = eq_scale_small(sums[r][0], sums[r][1], scale_low, scale_high);
    else
        for (int r = 0; r < rows; r++) scaled[r] = eq_scale_any(sums[r][0], sums[r][1], scale_low, scale_high);
    eq_store_rows(stage, scaled, out, column, width, rows);
}

EQ_INLINE void run_rows(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t first_column,
                        int32_t last_column, const int rows) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_output_stage stage = eq_output_stage_of(g->zero_point, g->min, g->max, g->small);
    const int32_t taps = g->segments * g->segment_bytes, groups = eq_groups(taps, GROUP);
    const size_t tile_bytes = eq_tile_bytes(taps, GROUP);
    const int8_t *line = block, *packed = (const int8_t *)g->packed + (size_t)(first_column / 8) * tile_bytes;
    if (rows == 1)
        line = eq_join_segments(g, in[0], block);
    else
        eq_interleave_rows(g, in, block, rows);
    for (int32_t column = first_column; column < last_column; column += 8, packed += tile_bytes) {
        const int32_t width = last_column - column < 8 ? last_column - column : 8;
        run_tile(&stage, line, groups, packed, out, column, width, rows);
    }
}

/* One function for each number of rows, so that each has the registers for itself. */
static __attribute__((noinline)) void run_8_rows(const eq_gemm *g, const int8_t *const *in, int8_t *const *out,
                                                 int32_t first_column, int32_t last_column) {
    run_rows(g, in, out, first_column, last_column, 8);
}

static __attribute__((noinline)) void run_4_rows(const eq_gemm *g, const int8_t *const *in, int8_t *const *out,
                                                 int32_t first_column, int32_t last_column) {
    run_rows(g, in, out, first_column, last_column, 4);
}

static __attribute__((noinline)) void run_1_row(const eq_gemm *g, const int8_t *const *in, int8_t *const *out,
                                                int32_t first_column, int32_t last_column) {
    run_rows(g, in, out, first_column, last_column, 1);
}

void eq_dotprod_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                         int32_t last_column) {
    eq_run_all_rows(g, in, out, rows, first_column, last_column, run_8_rows, run_4_rows, run_1_row);
}
