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
    return stage->small ? eq_scale_small(stage, low, high, scale_low, scale_high)
                        : eq_scale_any(low, high, scale_low, scale_high);
}

/* Four rows by four columns: scaled[0] has rows 0 and 1, scaled[1] rows 2 and 3. */
EQ_INLINE void scaled_4x4(const eq_output_stage *stage, const int8_t *taps, int32_t chunks, bool ends_half,
                          const int8_t *weights, const void *bias_address, const void *scale_address, int16x8_t scaled[2]) {
    int32x4_t parts[16], sums[4];
    multiply_tile(taps, weights, chunks, ends_half, parts);
    const int32x4_t bias = vld1q_s32(bias_address);
    const float32x4_t scales = vld1q_f32(scale_address);
    EQ_UNROLL
    for (int r = 0; r < 4; r++) {
        sums[r] = vaddq_s32(sums_of_parts(parts + 4 * r), bias);
    }
    scaled[0] = scale(stage, sums[0], sums[1], scales, scales);
    scaled[1] = scale(stage, sums[2], sums[3], scales, scales);
}

EQ_INLINE int16x8_t join_low(int16x8_t a, int16x8_t b) {
    return vreinterpretq_s16_s64(vzip1q_s64(vreinterpretq_s64_s16(a), vreinterpretq_s64_s16(b)));
}

EQ_INLINE int16x8_t join_high(int16x8_t a, int16x8_t b) {
    return vreinterpretq_s16_s64(vzip2q_s64(vreinterpretq_s64_s16(a), vreinterpretq_s64_s16(b)));
}

/* 16 sums fill half the registers: four columns, then the others. */
EQ_INLINE void run_tile_of_4(const eq_product *p, const eq_output_stage *stage, const void *taps, int32_t chunks,
                             const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    const int8_t *scales = packed + p->tile_bytes - 32;
    const bool ends_half = (uint32_t)(p->taps - 1) % GROUP < GROUP / 2;
    int16x8_t left[2], right[2];
    scaled_4x4(stage, taps, chunks, ends_half, packed + 32, packed, scales, left);
    scaled_4x4(stage, taps, chunks, ends_half, packed + 32 + 64, packed + 16, scales + 16, right);
    const int16x8_t scaled[4] = {join_low(left[0], right[0]), join_high(left[0], right[0]), join_low(left[1], right[1]),
                                 join_high(left[1], right[1])};
    eq_store_rows(stage, scaled, pixels, column, rows);
}

EQ_INLINE void run_tile_of_1(const eq_product *p, const eq_output_stage *stage, const void *taps, int32_t chunks,
                             const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    (void)p;
    const int32_t *bias = (const void *)packed;
    const float *scales = (const void *)(packed + 32 + chunks * 128);
    int32x4_t parts[8];
    multiply_row(taps, packed + 32, chunks, parts);
    const int32x4_t low = vaddq_s32(sums_of_parts(parts), vld1q_s32(bias)),
                    high = vaddq_s32(sums_of_parts(parts + 4), vld1q_s32(bias + 4));
    const int16x8_t scaled = scale(stage, low, high, vld1q_f32(scales), vld1q_f32(scales + 4));
    eq_store_rows(stage, &scaled, pixels, column, rows);
}

/* Each number of rows has a function, and so the registers, for itself. */
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

void eq_neon64_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                        int32_t last_column) {
    eq_run_all_rows(g, in, out, rows, first_column, last_column, GROUP, NULL, run_4_rows, run_1_row);
}
