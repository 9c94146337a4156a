/* 3x3 depthwise convolution with stride 1, two rows of outputs at a time: the
 * bytes of four input rows are interleaved, so that SDOT adds the three
 * vertical taps of an output at once, with weights (w0, w1, w2, 0) for the
 * upper row of outputs and (0, w0, w1, w2) for the lower; and with stride 2, one
 * row at a time. Taller kernels are in depthwise_tall.c; other strides and a call of a
 * single row are as in ARMv8.0, with its packed weights. */
#include "columns.h"
#include "set.h"

EQ_INLINE column load_column(const int8_t *in, ptrdiff_t down) {
    return interleave(vld1_s8(in), vld1_s8(in + down), vld1_s8(in + 2 * down), vld1_s8(in + 3 * down));
}

EQ_INLINE int8x16_t next_row(int8x16_t weights) {
    return vreinterpretq_s8_s32(vshlq_n_s32(vreinterpretq_s32_s8(weights), 8));
}

/* What both rows of outputs begin with, (2, 8) each, in memory: one instruction loads four vectors, where compilers would keep two in
 * registers and copy them. */
typedef struct beginnings {
    int32_t bias[16];
    float start[16]; /* of fused products */
} beginnings;

typedef struct eight { /* channels */
    float32x4_t scale[2];
    column upper[3], lower[3]; /* weights */
    const int32_t *bias;
} eight;

EQ_INLINE eight load_eight(const eq_channels *c, beginnings *b) {
    const eq_channel_scale scale = eq_load_scale(c, false);
    eight g = {.scale = {scale.scale[0], scale.scale[1]}, .bias = b->bias};
    const int8_t *weights = c->weights;
    EQ_UNROLL
    for (int i = 0; i < 4; i++) {
        vst1q_s32(b->bias + 4 * i, scale.bias[i % 2]);
        vst1q_f32(b->start + 4 * i, eq_fused_starts(scale.scale[i % 2]));
    }
    EQ_UNROLL
    for (int x = 0; x < 3; x++) {
        g.upper[x] =
            interleave(vld1_s8(weights + 16 * x), vld1_s8(weights + 48 + 16 * x), vld1_s8(weights + 96 + 16 * x), vdup_n_s8(0));
        g.lower[x] = (column){next_row(g.upper[x].low), next_row(g.upper[x].high)};
    }
    return g;
}

EQ_INLINE void add_columns(int32x4_t sums[2], const column weights[3], column a, column b, column c) {
    sums[0] = vdotq_s32(sums[0], weights[0].low, a.low), sums[1] = vdotq_s32(sums[1], weights[0].high, a.high);
    sums[0] = vdotq_s32(sums[0], weights[1].low, b.low), sums[1] = vdotq_s32(sums[1], weights[1].high, b.high);
    sums[0] = vdotq_s32(sums[0], weights[2].low, c.low), sums[1] = vdotq_s32(sums[1], weights[2].high, c.high);
}

/* The empty asm makes the compiler load again. */
EQ_INLINE void store_two_rows(eight *g, const eq_output_stage *stage, column a, column b, column c, int8_t *out,
                              ptrdiff_t out_row) {
    __asm__("" : "+r"(g->bias));
    int32x4x4_t sums = vld1q_s32_x4(g->bias);
    add_columns(sums.val, g->upper, a, b, c);
    add_columns(sums.val + 2, g->lower, a, b, c);
    const int16x8_t upper = eq_scale_eight(stage, sums.val, g->scale, stage->small);
    const int16x8_t lower = eq_scale_eight(stage, sums.val + 2, g->scale, stage->small);
    const int8x16_t values = eq_to_outputs(stage, upper, lower, stage->plain);
    vst1_s8(out, vget_low_s8(values));
    vst1_s8(out + out_row, vget_high_s8(values));
}

EQ_INLINE void run_two_rows(const eq_depthwise *d, eight *g, const eq_output_stage *stage, const int8_t *in, int8_t *out) {
    const ptrdiff_t down = d->tap_row, right = d->tap_column, out_row = d->out_row, out_right = d->channels;
    column a = load_column(in, down), b = load_column(in + right, down);
    in += 2 * right;
    for (int32_t columns = d->out_width; columns > 0; columns--, in += right, out += out_right) {
        const column c = load_column(in, down);
        store_two_rows(g, stage, a, b, c, out, out_row);
        a = b, b = c;
    }
}

/* `rows` rows, at least two, of outputs of eight channels. */
static void run_any(const eq_depthwise *d, const eq_channels *c, const eq_output_stage *stage, const int8_t *in, int8_t *out,
                    int32_t rows) {
    const eq_output_stage s = *stage;
    beginnings b;
    eight g = load_eight(c, &b);
    do {
        run_two_rows(d, &g, &s, in, out);
    } while (eq_next_two_rows(d, &in, &out, &rows));
}

/* clang-format off */
/* The next column of four rows, at %0, x9, x10 and x11, to two vectors, by a table of two registers; v28 and v29 are free before the sums
 * are scaled. */
#define EQ_COLUMN(low, high) \
    "ld1 {v28.8b}, [%0], %5\n\tld1 {v29.8b}, [x10], %5\n\tld1 {v28.d}[1], [x9], %5\n\tld1 {v29.d}[1], [x11], %5\n\t" \
    "tbl v" #low ".16b, {v28.16b, v29.16b}, %10.16b\n\ttbl v" #high ".16b, {v28.16b, v29.16b}, %11.16b\n\t"
#define EQ_ADD(low, high, upper_low, upper_high, lower_low, lower_high) \
    "sdot v24.4s, %" #upper_low ".16b, v" #low ".16b\n\tsdot v25.4s, %" #upper_high ".16b, v" #high ".16b\n\t" \
    "sdot v26.4s, %" #lower_low ".16b, v" #low ".16b\n\tsdot v27.4s, %" #lower_high ".16b, v" #high ".16b\n\t"
#define EQ_FUSED(sum, to, scale) \
    "fmla v" #to ".4s, v" #sum ".4s, %" #scale ".4s\n\tfadd v" #to ".4s, v" #to ".4s, %9.4s\n\t"
#define EQ_SMALL(sum, to, scale) \
    "fsub v" #sum ".4s, v" #sum ".4s, %8.4s\n\tfmul v" #sum ".4s, v" #sum ".4s, %" #scale ".4s\n\t" \
    "fadd v" #to ".4s, v" #sum ".4s, %9.4s\n\t"
/* Two outputs, one above the other, of the columns a and b and the next, which goes to c. */
#define EQ_OUTPUT(begin, scale, end, a, a_high, b, b_high, c, c_high) \
    "ld1 {v24.4s-v27.4s}, [%7]\n\t" EQ_COLUMN(c, c_high) EQ_ADD(a, a_high, 14, 15, 20, 21) EQ_ADD(b, b_high, 16, 17, 22, 23) \
    EQ_ADD(c, c_high, 18, 19, 24, 25) begin "subs %w2, %w2, #1\n\t" \
    scale(24, 28, 12) scale(25, 29, 13) scale(26, 30, 12) scale(27, 31, 13) \
    "uzp1 v28.8h, v28.8h, v29.8h\n\tuzp1 v30.8h, v30.8h, v31.8h\n\t" end "sqxtn v28.8b, v28.8h\n\tsqxtn v30.8b, v30.8h\n\t" \
    "st1 {v28.8b}, [%1], %6\n\tst1 {v30.8b}, [x12], %6\n\t"
#define EQ_ROWS(begin, scale, end) \
    "add x9, %0, %3\n\tadd x10, x9, %3\n\tadd x11, x10, %3\n\tadd x12, %1, %4\n\t" EQ_COLUMN(17, 18) EQ_COLUMN(19, 20) \
    "1:\n\t" EQ_OUTPUT(begin, scale, end, 17, 18, 19, 20, 21, 22) "b.eq 2f\n\t" EQ_OUTPUT(begin, scale, end, 19, 20, 21, 22, 17, 18) \
    "b.eq 2f\n\t" EQ_OUTPUT(begin, scale, end, 21, 22, 17, 18, 19, 20) "b.ne 1b\n2:"
/* clang-format on */

/* The same where the stage is `fused`, or `small` and not `bounded`. The columns change places instead of moving. */
#define RUN_ROWS(name, begin, scale_sums, end, with)                                                                           \
    static void name(const eq_depthwise *d, const eq_channels *c, const eq_output_stage *stage, const int8_t *in, int8_t *out, \
                     int32_t rows) {                                                                                           \
        beginnings b;                                                                                                          \
        const eight g = load_eight(c, &b);                                                                                     \
        const uint8x16_t low = {0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27},                                     \
                         high = vaddq_u8(low, vdupq_n_u8(4));                                                                  \
        const ptrdiff_t down = d->tap_row, right = d->tap_column, out_row = d->out_row, out_right = d->channels;               \
        do {                                                                                                                   \
            const int8_t *from = in;                                                                                           \
            int8_t *to = out;                                                                                                  \
            int32_t left = d->out_width;                                                                                       \
            __asm__ volatile(EQ_ROWS(begin, scale_sums, end)                                                                   \
                             : "+r"(from), "+r"(to), "+r"(left)                                                                \
                             : "r"(down), "r"(out_row), "r"(right), "r"(out_right), "r"(b.bias), with, "w"(stage->rounding),   \
                               "w"(low), "w"(high), "w"(g.scale[0]), "w"(g.scale[1]), "w"(g.upper[0].low),                     \
                               "w"(g.upper[0].high), "w"(g.upper[1].low), "w"(g.upper[1].high), "w"(g.upper[2].low),           \
                               "w"(g.upper[2].high), "w"(g.lower[0].low), "w"(g.lower[0].high), "w"(g.lower[1].low),           \
                               "w"(g.lower[1].high), "w"(g.lower[2].low), "w"(g.lower[2].high), "r"(&stage->zero_point)        \
                             : "x9", "x10", "x11", "x12", "v17", "v18", "v19", "v20", "v21", "v22", "v24", "v25", "v26",       \
                               "v27", "v28", "v29", "v30", "v31", "cc", "memory");                                             \
        } while (eq_next_two_rows(d, &in, &out, &rows));                                                                       \
    }

RUN_ROWS(run_fused, "ld1 {v28.4s-v31.4s}, [%8]\n\t", EQ_FUSED, "", "r"(b.start))
RUN_ROWS(run_small, "", EQ_SMALL, "ld1 {v29.8h}, [%26]\n\tsqadd v28.8h, v28.8h, v29.8h\n\tsqadd v30.8h, v30.8h, v29.8h\n\t",
         "w"(stage->magic))

typedef void (*run_rows_fn)(const eq_depthwise *d, const eq_channels *c, const eq_output_stage *stage, const int8_t *in,
                            int8_t *out, int32_t rows);

/* NULL: there is none. */
static run_rows_fn choose(const eq_depthwise *d, const eq_output_stage *stage) {
    const bool stride_1 = d->in_row == d->tap_row && d->in_column == d->tap_column;
    if (!stride_1 || d->channels < 8) {
        return NULL;
    }
    if (d->height == 3 && d->width == 3) {
        return stage->fused ? run_fused : stage->small && !stage->bounded ? run_small : run_any;
    }
    return d->height >= 4 && d->height <= 7 && d->width <= EQ_TALL_WIDTH ? eq_dotprod_tall_rows : NULL;
}

/* ---- stride 2: one row of outputs of 16 channels; a window has one column of the one before it ---- */

/* Three rows at one column: (channel, row), four channels a vector, the fourth row 0. */
typedef struct quads {
    int8x16_t of[4];
} quads;

EQ_INLINE quads load_quads(const int8_t *in, ptrdiff_t down, const uint8x16_t order[4]) {
    const int8x16x3_t rows = {{vld1q_s8(in), vld1q_s8(in + down), vld1q_s8(in + 2 * down)}};
    return (quads){
        {vqtbl3q_s8(rows, order[0]), vqtbl3q_s8(rows, order[1]), vqtbl3q_s8(rows, order[2]), vqtbl3q_s8(rows, order[3])}};
}

EQ_INLINE void add_quads(int32x4_t sums[4], quads a, quads b) {
    EQ_UNROLL
    for (int i = 0; i < 4; i++) {
        sums[i] = vdotq_s32(sums[i], a.of[i], b.of[i]);
    }
}

static void run_by_2(const eq_depthwise *d, const eq_channels *c, const eq_output_stage *output, const int8_t *in, int8_t *out,
                     int32_t rows) {
    const ptrdiff_t down = d->tap_row, right = d->tap_column, out_right = d->channels;
    const eq_output_stage stage = *output;
    const eq_channel_scale scale = eq_load_scale(c, true);
    uint8x16_t order[4];
    float start_values[16];
    EQ_UNROLL
    for (int i = 0; i < 4; i++) {
        const uint32x4_t lane = {0xff201000, 0xff211101, 0xff221202, 0xff231303};
        order[i] = vreinterpretq_u8_u32(vaddq_u32(lane, vdupq_n_u32(0x00040404u * (uint32_t)i)));
        vst1q_f32(start_values + 4 * i, eq_fused_starts(scale.scale[i]));
    }
    const quads w[3] = {load_quads(c->weights, 48, order), load_quads(c->weights + 16, 48, order),
                        load_quads(c->weights + 32, 48, order)};
    const int32_t *bias = (const void *)(c->packed + 4 * c->lane);
    const float *start = start_values;
    for (; rows > 0; rows--, in += d->in_row, out += d->out_row) {
        const int8_t *next = in;
        int8_t *to = out;
        quads last = load_quads(next, down, order);
        for (int32_t left = d->out_width; left > 0; left--, to += out_right) {
            __asm__("" : "+r"(bias));
            int32x4x4_t sums = vld1q_s32_x4(bias);
            add_quads(sums.val, last, w[0]);
            next += right;
            add_quads(sums.val, load_quads(next, down, order), w[1]);
            next += right;
            last = load_quads(next, down, order);
            add_quads(sums.val, last, w[2]);
            if (__builtin_expect(stage.fused, true)) {
                __asm__("" : "+r"(start));
                const float32x4x4_t s = vld1q_f32_x4(start);
                const int16x8_t low = eq_scale_fused(&stage, sums.val, s.val, scale.scale);
                vst1q_s8(to,
                         eq_to_outputs(&stage, low, eq_scale_fused(&stage, sums.val + 2, s.val + 2, scale.scale + 2), true));
            } else {
                eq_store_channels(&stage, &scale, sums.val, to, 16, true, stage.small, false);
            }
        }
    }
}

void eq_dotprod_depthwise_run(const eq_depthwise *d, const int8_t *in, int8_t *out, int32_t rows) {
    const eq_output_stage stage = eq_output_stage_of(d->zero_point, d->min, d->max, d->small);
    if (d->height == 3 && d->width == 3 && d->channels >= 16 && d->in_column == 2 * d->tap_column) {
        for (int32_t first = 0; first < d->channels; first += 16) {
            const int32_t last = d->channels - 16;
            const eq_channels c = eq_channels_at(d, first < last ? first : last, true);
            run_by_2(d, &c, &stage, in + c.first, out + c.first, rows);
        }
        return;
    }
    const run_rows_fn run = rows > 1 ? choose(d, &stage) : NULL;
    /* Of taller kernels a row of outputs with another that is there already costs more than alone. */
    const int32_t here = !run ? 0 : d->height > 3 ? rows & -2 : rows;
    for (int32_t first = 0; here && first < d->channels; first += 8) {
        const eq_channels c = eq_eight_channels(d, first);
        run(d, &c, &stage, in + c.first, out + c.first, here);
    }
    if (rows > here) {
        eq_neon64_depthwise_run(d, in + here * d->in_row, out + here * d->out_row, rows - here);
    }
}
