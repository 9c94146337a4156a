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

enum {
    HEAD = 64,
    START = 64,
    TAIL = 96
}; /* bytes of a packed tile before its weights, of where fused products begin, after the weights */

EQ_INLINE void finish(const eq_output_stage *stage, const int8_t *tail, int32x4_t sums[8][2], int8_t *const *pixels,
                      ptrdiff_t column, const int rows) {
    const float *scale = (const void *)(tail + START);
    const float32x4_t low = vld1q_f32(scale), high = vld1q_f32(scale + 4);
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

/* clang-format off */
#define EQ_FUSE(sum, scale, to) "fmla v" #to ".4s, v" #sum ".4s, v" #scale ".4s\n\tfadd v" #to ".4s, v" #to ".4s, %19.4s\n\t"
#define EQ_NARROW(row, next) \
    "uzp1 v24.8h, v24.8h, v25.8h\n\tuzp1 v26.8h, v26.8h, v27.8h\n\tsqxtn v24.8b, v24.8h\n\tsqxtn v26.8b, v26.8h\n\t" \
    "str d24, [%" #row ", %16]\n\tstr d26, [%" #next ", %16]\n\t"
#define EQ_TWO_ROWS(a, b, c, d, row, next) \
    "ld1 {v24.4s-v27.4s}, [%17]\n\t" EQ_FUSE(a, 0, 24) EQ_FUSE(b, 1, 25) EQ_FUSE(c, 0, 26) EQ_FUSE(d, 1, 27) \
    EQ_NARROW(row, next)
#define EQ_SCALE(sum, scale, to) \
    "fsub v" #to ".4s, v" #sum ".4s, %28.4s\n\tfmul v" #to ".4s, v" #to ".4s, v" #scale ".4s\n\tfadd v" #to ".4s, v" #to ".4s, %19.4s\n\t"
#define EQ_TWO_SMALL_ROWS(a, b, c, d, row, next) \
    EQ_SCALE(a, 0, 24) EQ_SCALE(b, 1, 25) EQ_SCALE(c, 0, 26) EQ_SCALE(d, 1, 27) EQ_NARROW(row, next)
#define EQ_FINISH(two_rows) \
    "ldp q0, q1, [%17, %18]\n\t" two_rows(8, 9, 10, 11, 20, 21) two_rows(12, 13, 14, 15, 22, 23) \
    two_rows(16, 17, 18, 19, 24, 25) two_rows(20, 21, 22, 23, 26, 27)
#define EQ_FINISH_OPERANDS \
    : \
    : "w"(s0), "w"(s1), "w"(s2), "w"(s3), "w"(s4), "w"(s5), "w"(s6), "w"(s7), "w"(s8), "w"(s9), "w"(s10), "w"(s11), "w"(s12), \
      "w"(s13), "w"(s14), "w"(s15), "r"(column), "r"(tail), "i"(START), "w"(stage->rounding), "r"(pixels[0]), "r"(pixels[1]), \
      "r"(pixels[2]), "r"(pixels[3]), "r"(pixels[4]), "r"(pixels[5]), "r"(pixels[6]), "r"(pixels[7]), "w"(stage->magic) \
    : "v0", "v1", "v24", "v25", "v26", "v27", "memory"
/* clang-format on */

#define EQ_FINISH_8(two_rows)                                                                                             \
    EQ_SUMS_OF_8;                                                                                                         \
    s0 = s[0][0], s1 = s[0][1], s2 = s[1][0], s3 = s[1][1], s4 = s[2][0], s5 = s[2][1], s6 = s[3][0], s7 = s[3][1];       \
    s8 = s[4][0], s9 = s[4][1], s10 = s[5][0], s11 = s[5][1], s12 = s[6][0], s13 = s[6][1], s14 = s[7][0], s15 = s[7][1]; \
    __asm__ volatile(EQ_FINISH(two_rows) EQ_FINISH_OPERANDS)

/* Eight rows whose stage is `fused`. A fused product overwrites what it begins with: two rows' is loaded at once. */
EQ_INLINE void finish_fused(const eq_output_stage *stage, const int8_t *tail, int32x4_t s[8][2], int8_t *const *pixels,
                            ptrdiff_t column) {
    EQ_FINISH_8(EQ_TWO_ROWS);
}

/* Eight rows whose stage is `small` and `plain`. */
EQ_INLINE void finish_plain(const eq_output_stage *stage, const int8_t *tail, int32x4_t s[8][2], int8_t *const *pixels,
                            ptrdiff_t column) {
    EQ_FINISH_8(EQ_TWO_SMALL_ROWS);
}

EQ_INLINE const int8_t *run_tile_of_8(const eq_product *p, const eq_output_stage *stage, const void *taps, int32_t groups,
                                      const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    (void)p, (void)groups;
    int32x4_t sums[8][2];
    const int8_t *tail = sum_8_rows(sums, packed, taps, packed + HEAD);
    if (__builtin_expect(stage->fused, true)) {
        finish_fused(stage, tail, sums, pixels, column);
    } else if (stage->small && stage->plain) {
        finish_plain(stage, tail, sums, pixels, column);
    } else {
        finish(stage, tail, sums, pixels, column, rows);
    }
    return tail + TAIL;
}

EQ_INLINE const int8_t *run_tile_of_4(const eq_product *p, const eq_output_stage *stage, const void *taps, int32_t groups,
                                      const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    (void)p;
    int32x4_t sums[8][2];
    packed = sum_4_rows(sums, packed, taps, packed + HEAD, groups);
    finish(stage, packed, sums, pixels, column, rows);
    return packed + TAIL;
}

EQ_INLINE const int8_t *run_tile_of_1(const eq_product *p, const eq_output_stage *stage, const void *taps, int32_t groups,
                                      const int8_t *packed, int8_t *const *pixels, ptrdiff_t column, const int rows) {
    (void)p;
    int32x4_t sums[8][2];
    packed = sum_row(sums, packed, taps, packed + HEAD, groups);
    finish(stage, packed, sums, pixels, column, rows);
    return packed + TAIL;
}

/* Each number of rows has a function, and so the registers, for itself. */
static __attribute__((noinline)) void run_8_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                 int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_line *line = &p->line;
    const eq_output_stage stage = p->stage;
    const taps_of_8 in_block = taps_in_block(block, p->groups);
    taps_of_8 in_image;
    const bool may_lie = line->in_step == 16 && may_lie_interleaved(line, &in_image);
    for (; times > 0; times--, in += 8, out += 8) {
        const taps_of_8 taps =
            taps_of_windows(line, in, block, &in_block, may_lie && in[7] - in[0] == 7 * 16 ? &in_image : NULL);
        eq_run_tiles(p, &stage, &taps, out, 8, run_tile_of_8);
    }
}

static __attribute__((noinline)) void run_4_rows(const eq_product *p, const int8_t *const *in, int8_t *const *out,
                                                 int32_t times) {
    int8_t block[EQ_BLOCK_BYTES];
    const eq_output_stage stage = p->stage;
    for (; times > 0; times--, in += 4, out += 4) {
        eq_interleave_rows(&p->line, in, block, 4);
        eq_run_tiles(p, &stage, block, out, 4, run_tile_of_4);
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
