/* 3x3 depthwise convolution with stride 1, two rows of outputs at a time: the
 * bytes of four input rows are interleaved, so that SDOT adds the three
 * vertical taps of an output at once, with weights (w0, w1, w2, 0) for the
 * upper row of outputs and (0, w0, w1, w2) for the lower. Taller kernels are in
 * depthwise_tall.c; other strides and single rows are as in ARMv8.0, with its
 * packed weights. */
#include "columns.h"
#include "set.h"

EQ_INLINE column load_column(const int8_t *in, ptrdiff_t down) {
    return interleave(vld1_s8(in), vld1_s8(in + down), vld1_s8(in + 2 * down), vld1_s8(in + 3 * down));
}

EQ_INLINE int8x16_t next_row(int8x16_t weights) {
    return vreinterpretq_s8_s32(vshlq_n_s32(vreinterpretq_s32_s8(weights), 8));
}

typedef struct eight { /* channels */
    const void *bias;
    eq_channel_scale scale;
    column upper[3], lower[3]; /* weights */
} eight;

/* Two vectors by one instruction; compilers would keep the bias in registers, and copy it by two. */
EQ_INLINE void load_bias(const void *bias, int32x4_t sums[2]) {
    __asm__ volatile("ldp %q0, %q1, [%2]" : "=w"(sums[0]), "=w"(sums[1]) : "r"(bias), "m"(*(const int32x4_t(*)[2])bias));
}

EQ_INLINE eight load_eight(const eq_channels *c) {
    eight g = {.bias = c->packed + 4 * c->lane, .scale = eq_load_scale(c, false)};
    const int8_t *weights = c->weights;
    EQ_UNROLL
    for (int x = 0; x < 3; x++) {
        g.upper[x] =
            interleave(vld1_s8(weights + 16 * x), vld1_s8(weights + 48 + 16 * x), vld1_s8(weights + 96 + 16 * x), vdup_n_s8(0));
        g.lower[x] = (column){next_row(g.upper[x].low), next_row(g.upper[x].high)};
    }
    return g;
}

EQ_INLINE int16x8_t row_output(const eight *g, const eq_output_stage *stage, const column weights[3], column a, column b,
                               column c, const bool small) {
    int32x4_t sums[2];
    load_bias(g->bias, sums);
    sums[0] = vdotq_s32(sums[0], weights[0].low, a.low), sums[1] = vdotq_s32(sums[1], weights[0].high, a.high);
    sums[0] = vdotq_s32(sums[0], weights[1].low, b.low), sums[1] = vdotq_s32(sums[1], weights[1].high, b.high);
    sums[0] = vdotq_s32(sums[0], weights[2].low, c.low), sums[1] = vdotq_s32(sums[1], weights[2].high, c.high);
    return eq_scale_eight(stage, sums, g->scale.scale, small);
}

EQ_INLINE void store_two_rows(const eight *g, const eq_output_stage *stage, column a, column b, column c, int8_t *out,
                              ptrdiff_t out_row, const bool small, const bool plain) {
    const int16x8_t upper = row_output(g, stage, g->upper, a, b, c, small);
    const int16x8_t lower = row_output(g, stage, g->lower, a, b, c, small);
    const int8x16_t values = eq_to_outputs(stage, upper, lower, plain);
    vst1_s8(out, vget_low_s8(values));
    vst1_s8(out + out_row, vget_high_s8(values));
}

/* The empty asm keeps the compiler from giving every load of an unrolled loop a
 * pointer of its own to advance. */
EQ_INLINE const int8_t *advance(const int8_t *pointer, ptrdiff_t step) {
    pointer += step;
    __asm__("" : "+r"(pointer));
    return pointer;
}

EQ_INLINE void run_two_rows(const eq_depthwise *d, const eight *g, const eq_output_stage *stage, const int8_t *in, int8_t *out,
                            const bool small, const bool plain) {
    const ptrdiff_t down = d->tap_row, right = d->tap_column, out_row = d->out_row, out_right = d->channels;
    column a = load_column(in, down), b = load_column(in + right, down), c;
    in = advance(in, 2 * right);
    int32_t columns = d->out_width;
    for (; columns >= 3; columns -= 3) { /* the columns change places instead of moving */
        c = load_column(in, down), in = advance(in, right);
        store_two_rows(g, stage, a, b, c, out, out_row, small, plain), out = (int8_t *)advance(out, out_right);
        a = load_column(in, down), in = advance(in, right);
        store_two_rows(g, stage, b, c, a, out, out_row, small, plain), out = (int8_t *)advance(out, out_right);
        b = load_column(in, down), in = advance(in, right);
        store_two_rows(g, stage, c, a, b, out, out_row, small, plain), out = (int8_t *)advance(out, out_right);
    }
    if (columns > 0) {
        c = load_column(in, down), in = advance(in, right);
        store_two_rows(g, stage, a, b, c, out, out_row, small, plain), out += out_right;
    }
    if (columns > 1) {
        a = load_column(in, down);
        store_two_rows(g, stage, b, c, a, out, out_row, small, plain);
    }
}

/* 2 * `pairs` rows of outputs of eight channels. */
#define RUN_PAIRS(name, small, plain)                                                                                          \
    static void name(const eq_depthwise *d, const eq_channels *c, const eq_output_stage *stage, const int8_t *in, int8_t *out, \
                     int32_t pairs) {                                                                                          \
        const eq_output_stage s = *stage;                                                                                      \
        const eight g = load_eight(c);                                                                                         \
        for (; pairs > 0; pairs--, in += 2 * d->in_row, out += 2 * d->out_row) {                                               \
            run_two_rows(d, &g, &s, in, out, small, plain);                                                                    \
        }                                                                                                                      \
    }

RUN_PAIRS(run_plain, true, true)
RUN_PAIRS(run_small, true, false)
RUN_PAIRS(run_any, false, false)

typedef void (*run_pairs_fn)(const eq_depthwise *d, const eq_channels *c, const eq_output_stage *stage, const int8_t *in,
                             int8_t *out, int32_t pairs);

/* NULL: there is none. */
static run_pairs_fn choose(const eq_depthwise *d, const eq_output_stage *stage) {
    const bool stride_1 = d->in_row == d->tap_row && d->in_column == d->tap_column;
    if (!stride_1 || d->channels < 8) {
        return NULL;
    }
    if (d->height == 3 && d->width == 3) {
        return !stage->small ? run_any : stage->plain ? run_plain : run_small;
    }
    return d->height >= 4 && d->height <= 7 && d->width <= EQ_TALL_WIDTH ? eq_dotprod_tall_pairs : NULL;
}

void eq_dotprod_depthwise_run(const eq_depthwise *d, const int8_t *in, int8_t *out, int32_t rows) {
    const eq_output_stage stage = eq_output_stage_of(d->zero_point, d->min, d->max, d->small);
    const run_pairs_fn run = choose(d, &stage);
    const int32_t paired = run ? rows & -2 : 0;
    for (int32_t first = 0; paired && first < d->channels; first += 8) {
        const eq_channels c = eq_eight_channels(d, first);
        run(d, &c, &stage, in + c.first, out + c.first, paired / 2);
    }
    if (rows > paired) {
        eq_neon64_depthwise_run(d, in + paired * d->in_row, out + paired * d->out_row, rows - paired);
    }
}
