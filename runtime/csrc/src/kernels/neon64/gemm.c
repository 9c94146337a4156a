/* Matrix products of ARMv8.0. */
#include "set.h"
#include "tile_sums.h"
#include "tiles.h"

size_t eq_neon64_gemm_packed_bytes(const eq_gemm_weights *w) {
    return eq_packed_tiles_bytes(w, GROUP);
}

void eq_neon64_gemm_pack(const eq_gemm_weights *w, void *packed) {
    eq_pack_tiles(w, packed, GROUP);
}

EQ_INLINE int16x8_t scale(const eq_output_stage *stage, int32x4_t low, int32x4_t high, float32x4_t scale_low,
                          float32x4_t scale_high) {
    return __builtin_expect(stage->small, true) ? eq_scale_small(stage, low, high, scale_low, scale_high)
                                                : eq_scale_any(low, high, scale_low, scale_high);
}

/* Four rows by the four columns whose weights, bias and scale these are: scaled[0] has rows 0 and 1, scaled[1] rows 2 and 3. */
EQ_INLINE void scaled_4x4(const taps_of_4 *t, const eq_output_stage *stage, const int8_t *weights, const void *bias_address,
                          const void *scale_address, int16x8_t scaled[2]) {
    int32x4_t parts[16], sums[4];
    multiply_tile(t, weights, parts);
    const int32x4_t bias = vld1q_s32(bias_address);
    const float32x4_t scales = vld1q_f32(scale_address);
    EQ_UNROLL
    for (int r = 0; r < 4; r++) {
        sums[r] = vaddq_s32(sums_of_parts(parts + 4 * r), bias);
    }
    scaled[0] = scale(stage, sums[0], sums[1], scales, scales);
    scaled[1] = scale(stage, sums[2], sums[3], scales, scales);
}

/* The outputs of four rows by four columns, four bytes of each row after the other. */
EQ_INLINE int32x4_t narrow_4x4(const eq_output_stage *stage, const int16x8_t scaled[2]) {
    return vreinterpretq_s32_s8(__builtin_expect(stage->plain, true) ? eq_to_outputs(stage, scaled[0], scaled[1], true)
                                                                     : eq_to_outputs(stage, scaled[0], scaled[1], false));
}

/* All columns of four rows, 16 sums at once, which fill half the registers: four columns, then the next four. The last columns, if fewer
 * than 8, take a way round. */
EQ_INLINE void run_columns(const eq_product *p, const eq_output_stage *stage, const taps_of_4 *t, int8_t *const *out) {
    const size_t tile_bytes = p->tile_bytes;
    const int8_t *packed = p->packed, *scales = packed + tile_bytes - 32;
    int32_t left = (int32_t)(p->last_column - p->first_column);
    int8_t *a = out[0] + p->first_column, *b = out[1] + p->first_column, *c = out[2] + p->first_column,
           *d = out[3] + p->first_column, part[4][8];
    for (; left > 0; left -= 8, packed += tile_bytes, scales += tile_bytes) {
        if (left < 8) {
            a = part[0], b = part[1], c = part[2], d = part[3];
        }
        int16x8_t scaled[2];
        scaled_4x4(t, stage, packed + 32, packed, scales, scaled);
        const int32x4_t l = narrow_4x4(stage, scaled);
        scaled_4x4(t, stage, packed + 96, packed + 16, scales + 16, scaled);
        const int32x4_t r = narrow_4x4(stage, scaled);
        const int64x2_t upper = vreinterpretq_s64_s32(vzip1q_s32(l, r)), lower = vreinterpretq_s64_s32(vzip2q_s32(l, r));
        vst1q_lane_s64((int64_t *)(void *)a, upper, 0), a += 8;
        vst1q_lane_s64((int64_t *)(void *)b, upper, 1), b += 8;
        vst1q_lane_s64((int64_t *)(void *)c, lower, 0), c += 8;
        vst1q_lane_s64((int64_t *)(void *)d, lower, 1), d += 8;
    }
    if (left) {
        const size_t rest = (size_t)(left + 8);
        EQ_UNROLL
        for (int r = 0; r < 4; r++) {
            memcpy(out[r] + p->last_column - rest, part[r], rest);
        }
    }
}

EQ_INLINE const int8_t *run_tile_of_1(const eq_product *p, const eq_output_stage *stage, const void *taps, int32_t chunks,
                                      const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    const int32_t *bias = (const void *)packed;
    const float *scales = (const void *)(packed + 32 + chunks * 128);
    int32x4_t parts[8];
    multiply_row(taps, packed + 32, chunks, parts);
    const int32x4_t low = vaddq_s32(sums_of_parts(parts), vld1q_s32(bias)),
                    high = vaddq_s32(sums_of_parts(parts + 4), vld1q_s32(bias + 4));
    const int16x8_t scaled = scale(stage, low, high, vld1q_f32(scales), vld1q_f32(scales + 4));
    eq_store_rows(stage, &scaled, pixels, column, rows);
    return packed + p->tile_bytes;
}

/* Each number of rows has a function, and so the registers, for itself. */
static __attribute__((noinline)) void run_4_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                 int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    const taps_of_4 t = taps_of_4_rows(block, p->taps);
    for (; times > 0; times--, in += 4, out += 4) {
        eq_interleave_rows(&p->line, in, block, 4);
        run_columns(p, &stage, &t, out);
    }
}

static __attribute__((noinline)) void run_1_row(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                int32_t times) {
    int8_t line[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in++, out++) {
        eq_run_tiles(p, &stage, eq_single_row(&p->line, in, line), out, 1, run_tile_of_1);
    }
}

EQ_INLINE int32x4_t add_products(int32x4_t sums, int8x16_t a, int8x16_t b) {
    return vpadalq_s16(sums, pair_products(a, b));
}

static __attribute__((noinline)) void run_column(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows) {
    eq_run_column(g, in, out, rows, add_products);
}

void eq_neon64_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                        int32_t last_column) {
    if (g->columns == 1 && !eq_window_too_long(g->segments, g->segment_bytes)) {
        run_column(g, in, out, rows);
        return;
    }
    eq_run_all_rows(g, in, out, rows, first_column, last_column, GROUP, NULL, run_4_rows, run_1_row);
}
