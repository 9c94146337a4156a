/* Matrix products with SMMLA: 2 rows by 8 taps times 8 taps by 2 columns. */
#include "kernels/neon64/tiles.h"
#include "set.h"

enum { GROUP = 8 };

size_t eq_i8mm_gemm_packed_bytes(const eq_gemm_weights *w) {
    return eq_packed_tiles_bytes(w, GROUP);
}

void eq_i8mm_gemm_pack(const eq_gemm_weights *w, void *packed) {
    eq_pack_tiles(w, packed, GROUP);
}

EQ_INLINE int8x16_t join_low(int8x16_t a, int8x16_t b) {
    return vreinterpretq_s8_s64(vzip1q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
}

EQ_INLINE int8x16_t join_high(int8x16_t a, int8x16_t b) {
    return vreinterpretq_s8_s64(vzip2q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
}

/* Interleaved chunks of two rows (2, 16) become pairs of 8 taps (2, 2 rows, 8): what SMMLA reads. */
EQ_INLINE void pair_rows(int8_t *block, int32_t pairs) {
    for (; pairs > 0; pairs--, block += 32) {
        const int8x16_t a = vld1q_s8(block), b = vld1q_s8(block + 16);
        vst1q_s8(block, join_low(a, b));
        vst1q_s8(block + 16, join_high(a, b));
    }
}

/* The products of 8 taps: of each pair of rows and each pair of columns. A single row counts twice. */
EQ_INLINE void add_products(int32x4_t sums[4][4], const int8_t *taps, const int8_t *weights, const int pairs,
                            const bool single) {
    int8x16_t b[4];
    EQ_UNROLL
    for (int n = 0; n < 4; n++) {
        b[n] = vld1q_s8(weights + 16 * n);
    }
    EQ_UNROLL
    for (int p = 0; p < pairs; p++) {
        const int8x16_t a = single ? vcombine_s8(vld1_s8(taps), vld1_s8(taps)) : vld1q_s8(taps + 32 * p);
        EQ_UNROLL
        for (int n = 0; n < 4; n++) {
            sums[p][n] = vmmlaq_s32(sums[p][n], a, b[n]);
        }
    }
}

EQ_INLINE int32x4_t row_of(int32x4_t left, int32x4_t right, bool second) {
    const int8x16_t a = vreinterpretq_s8_s32(left), b = vreinterpretq_s8_s32(right);
    return vreinterpretq_s32_s8(second ? join_high(a, b) : join_low(a, b));
}

EQ_INLINE const int8_t *run_tile(const eq_product *p, const eq_output_stage *stage, const void *rows_taps, int32_t groups,
                                 const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    (void)p;
    const int8_t *taps = rows_taps;
    const bool single = rows == 1;
    const int pairs = single ? 1 : rows / 2, half = single ? 8 : 16;
    int32x4_t sums[4][4];
    EQ_UNROLL
    for (int n = 0; n < 4; n++) {
        const int32x2_t bias = vld1_s32((const void *)(packed + 8 * n));
        EQ_UNROLL
        for (int pair = 0; pair < pairs; pair++) {
            sums[pair][n] = vcombine_s32(bias, bias);
        }
    }
    packed += 32;
    for (uint32_t chunks = (uint32_t)groups / 2; chunks != 0; chunks--, packed += 128, taps += single ? 16 : 32 * pairs) {
        add_products(sums, taps, packed, pairs, single);
        add_products(sums, taps + half, packed + 64, pairs, single);
    }
    if (groups % 2) {
        add_products(sums, taps, packed, pairs, single);
        packed += 64;
    }

    const float32x4_t scale_low = vld1q_f32((const void *)packed), scale_high = vld1q_f32((const void *)(packed + 16));
    int16x8_t scaled[8];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        const int32x4_t *pair = sums[r / 2];
        const int32x4_t low = row_of(pair[0], pair[1], r % 2), high = row_of(pair[2], pair[3], r % 2);
        scaled[r] = stage->small ? eq_scale_small(stage, low, high, scale_low, scale_high)
                                 : eq_scale_any(low, high, scale_low, scale_high);
    }
    eq_store_rows(stage, scaled, pixels, column, rows);
    return packed + 32;
}

/* Each number of rows has a function, and so the registers, for itself. */
static __attribute__((noinline)) void run_8_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                 int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in += 8, out += 8) {
        eq_interleave_rows(&p->line, in, block, 8);
        pair_rows(block, eq_groups(p->taps, 16) * 8 / 2);
        eq_run_tiles(p, &stage, block, out, 8, run_tile);
    }
}

static __attribute__((noinline)) void run_4_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                 int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in += 4, out += 4) {
        eq_interleave_rows(&p->line, in, block, 4);
        pair_rows(block, eq_groups(p->taps, 16) * 4 / 2);
        eq_run_tiles(p, &stage, block, out, 4, run_tile);
    }
}

static __attribute__((noinline)) void run_1_row(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                int32_t times) {
    int8_t line[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in++, out++) {
        eq_run_tiles(p, &stage, eq_single_row(&p->line, in, line), out, 1, run_tile);
    }
}

void eq_i8mm_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                      int32_t last_column) {
    if (g->columns == 1) {
        eq_dotprod_gemm_run(g, in, out, rows, first_column, last_column);
        return;
    }
    eq_run_all_rows(g, in, out, rows, first_column, last_column, GROUP, run_8_rows, run_4_rows, run_1_row);
}
