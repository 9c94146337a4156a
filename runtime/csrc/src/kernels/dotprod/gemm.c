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

/* The products of the four taps in lane `lane` of each row's chunk `a`. */
#define ADD_LANE(a, lane)                                                                                                 \
    do {                                                                                                                  \
        const int8x16_t low = vld1q_s8(packed), high = vld1q_s8(packed + 16);                                             \
        packed += 32;                                                                                                     \
        EQ_UNROLL for (int r = 0; r < rows; r++) {                                                          \
            sums[r][0] = vdotq_laneq_s32(sums[r][0], low, (a)[r], lane);                                                  \
            sums[r][1] = vdotq_laneq_s32(sums[r][1], high, (a)[r], lane);                                                 \
        }                                                                                                                 \
    } while (0)

EQ_INLINE const int8_t *load_rows(int8x16_t *a, const int8_t *taps, const int rows) {
    EQ_UNROLL for (int r = 0; r < rows; r++) a[r] = vld1q_s8(taps + 16 * r);
    return taps + 16 * rows;
}

EQ_INLINE const int8_t *add_chunk(int32x4_t sums[8][2], const int8x16_t *a, const int8_t *packed, const int rows) {
    ADD_LANE(a, 0);
    ADD_LANE(a, 1);
    ADD_LANE(a, 2);
    ADD_LANE(a, 3);
    return packed;
}

EQ_INLINE void run_tile(const eq_output_stage *stage, const int8_t *taps, int32_t groups, const int8_t *packed,
                        int8_t *const *pixels, ptrdiff_t column, const int rows) {
    int32x4_t sums[8][2];
    int8x16_t a[8], b[8];
    const int32x4_t bias_low = vaddq_s32(vld1q_s32((const void *)packed), stage->offset);
    const int32x4_t bias_high = vaddq_s32(vld1q_s32((const void *)(packed + 16)), stage->offset);
    packed += 32;
    EQ_UNROLL for (int r = 0; r < rows; r++) sums[r][0] = bias_low, sums[r][1] = bias_high;

    uint32_t chunks = (uint32_t)groups / 4;
    for (uint32_t i = chunks / 2; i != 0; i--) {
        const int8_t *second = load_rows(a, taps, rows);
        packed = add_chunk(sums, a, packed, rows);
        taps = load_rows(b, second, rows);
        packed = add_chunk(sums, b, packed, rows);
    }
    chunks %= 2;
    for (; chunks != 0; chunks--) {
        taps = load_rows(a, taps, rows);
        packed = add_chunk(sums, a, packed, rows);
    }
    const uint32_t rest = (uint32_t)groups % 4;
    if (rest) {
        load_rows(a, taps, rows);
        ADD_LANE(a, 0);
        if (rest > 1) ADD_LANE(a, 1);
        if (rest > 2) ADD_LANE(a, 2);
    }

    const float32x4_t scale_low = vld1q_f32((const void *)packed), scale_high = vld1q_f32((const void *)(packed + 16));
    int16x8_t scaled[8];
    if (stage->small)
        EQ_UNROLL for (int r = 0; r < rows; r++) scaled[r] = eq_scale_small(stage, sums[r][0], sums[r][1], scale_low, scale_high);
    else
        EQ_UNROLL for (int r = 0; r < rows; r++) scaled[r] = eq_scale_any(sums[r][0], sums[r][1], scale_low, scale_high);
    eq_store_rows(stage, scaled, pixels, column, rows);
}

/* Each number of rows has a function, and so the registers, for itself. */
static __attribute__((noinline)) void run_8_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                 int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in += 8, out += 8) {
        eq_interleave_rows(p->gemm, in, block, 8);
        eq_run_tiles(p, &stage, block, out, 8, run_tile);
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
    for (; times > 0; times--, in++, out++) eq_run_tiles(p, &stage, eq_single_row(p->gemm, in, line), out, 1, run_tile);
}

void eq_dotprod_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                         int32_t last_column) {
    eq_run_all_rows(g, in, out, rows, first_column, last_column, GROUP, run_8_rows, run_4_rows, run_1_row);
}
