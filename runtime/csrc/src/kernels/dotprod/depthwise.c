/* 3x3 depthwise convolution with stride 1, two rows of outputs at a time: the bytes of four input rows are interleaved, so
 * that SDOT adds the three vertical taps of an output at once, with weights (w0, w1, w2, 0) for the upper row of outputs and
 * (0, w0, w1, w2) for the lower. Taller kernels are in depthwise_tall.c; other strides and single rows are as in ARMv8.0, with
 * its packed weights. */
#include "columns.h"
#include "set.h"

EQ_INLINE column load_column(const int8_t *in, ptrdiff_t down) {
    return interleave(vld1_s8(in), vld1_s8(in + down), vld1_s8(in + 2 * down), vld1_s8(in + 3 * down));
}

EQ_INLINE int8x16_t next_row(int8x16_t weights) {
    return vreinterpretq_s8_s32(vshlq_n_s32(vreinterpretq_s32_s8(weights), 8));
}

typedef struct half_group { /* eight channels */
    int32x4_t bias[2];
    float32x4_t scale[2];
    column upper[3], lower[3]; /* weights */
} half_group;

EQ_INLINE half_group load_half(const int8_t *packed, int half, const eq_output_stage *stage) {
    half_group g;
    const int8_t *weights = packed + EQ_GROUP_HEAD_BYTES + 8 * half;
    EQ_UNROLL
    for (int i = 0; i < 2; i++) {
        g.bias[i] = vaddq_s32(vld1q_s32((const void *)(packed + 32 * half + 16 * i)), stage->offset);
        g.scale[i] = vld1q_f32((const void *)(packed + 64 + 32 * half + 16 * i));
    }
    EQ_UNROLL
    for (int x = 0; x < 3; x++) {
        g.upper[x] =
            interleave(vld1_s8(weights + 16 * x), vld1_s8(weights + 48 + 16 * x), vld1_s8(weights + 96 + 16 * x), vdup_n_s8(0));
        g.lower[x] = (column){next_row(g.upper[x].low), next_row(g.upper[x].high)};
    }
    return g;
}

EQ_INLINE int16x8_t row_output(const half_group *g, const eq_output_stage *stage, const column weights[3], column a, column b,
                               column c) {
    int32x4_t low = vdotq_s32(g->bias[0], weights[0].low, a.low), high = vdotq_s32(g->bias[1], weights[0].high, a.high);
    low = vdotq_s32(low, weights[1].low, b.low), high = vdotq_s32(high, weights[1].high, b.high);
    low = vdotq_s32(low, weights[2].low, c.low), high = vdotq_s32(high, weights[2].high, c.high);
    return eq_scale_small(stage, low, high, g->scale[0], g->scale[1]);
}

EQ_INLINE void store_two_rows(const half_group *g, const eq_output_stage *stage, column a, column b, column c, int8_t *out,
                              ptrdiff_t out_row, const bool plain) {
    const int16x8_t upper = row_output(g, stage, g->upper, a, b, c), lower = row_output(g, stage, g->lower, a, b, c);
    const int8x16_t values = eq_to_outputs(stage, upper, lower, plain);
    vst1_s8(out, vget_low_s8(values));
    vst1_s8(out + out_row, vget_high_s8(values));
}

/* The empty asm keeps the compiler from giving every load of an unrolled loop a pointer of its own to advance. */
EQ_INLINE const int8_t *advance(const int8_t *pointer, ptrdiff_t step) {
    pointer += step;
    __asm__("" : "+r"(pointer));
    return pointer;
}

EQ_INLINE void run_two_rows(const eq_depthwise *d, const half_group *group, const eq_output_stage *stage, const int8_t *in,
                            int8_t *out, const bool plain) {
    const half_group g = *group;
    const eq_output_stage s = *stage;
    const ptrdiff_t down = d->tap_row, right = d->tap_column, out_row = d->out_row, out_right = d->channels;
    column a = load_column(in, down), b = load_column(in + right, down), c;
    in = advance(in, 2 * right);
    int32_t columns = d->out_width;
    for (; columns >= 3; columns -= 3) { /* the columns change places instead of moving */
        c = load_column(in, down), in = advance(in, right);
        store_two_rows(&g, &s, a, b, c, out, out_row, plain), out = (int8_t *)advance(out, out_right);
        a = load_column(in, down), in = advance(in, right);
        store_two_rows(&g, &s, b, c, a, out, out_row, plain), out = (int8_t *)advance(out, out_right);
        b = load_column(in, down), in = advance(in, right);
        store_two_rows(&g, &s, c, a, b, out, out_row, plain), out = (int8_t *)advance(out, out_right);
    }
    for (; columns > 0; columns--) {
        c = load_column(in, down), in = advance(in, right);
        store_two_rows(&g, &s, a, b, c, out, out_row, plain), out += out_right;
        a = b, b = c;
    }
}

static void run_plain(const eq_depthwise *d, const half_group *group, const eq_output_stage *stage, const int8_t *in,
                      int8_t *out) {
    run_two_rows(d, group, stage, in, out, true);
}

static void run_clamped(const eq_depthwise *d, const half_group *group, const eq_output_stage *stage, const int8_t *in,
                        int8_t *out) {
    run_two_rows(d, group, stage, in, out, false);
}

static void run_pairs_3x3(const eq_depthwise *d, const int8_t *packed, int half, const eq_output_stage *stage, const int8_t *in,
                          int8_t *out, int32_t pairs) {
    const half_group group = load_half(packed, half, stage);
    for (; pairs > 0; pairs--, in += 2 * d->in_row, out += 2 * d->out_row) {
        (stage->plain ? run_plain : run_clamped)(d, &group, stage, in, out);
    }
}

void eq_dotprod_depthwise_run(const eq_depthwise *d, const int8_t *in, int8_t *out, int32_t rows) {
    const bool stride_1 = d->in_row == d->tap_row && d->in_column == d->tap_column;
    const bool is_3x3 = d->height == 3 && d->width == 3;
    const bool is_tall = d->height >= 4 && d->height <= 7 && d->width <= EQ_TALL_WIDTH;
    const int32_t pairs = stride_1 && d->small && d->channels >= 16 && (is_3x3 || is_tall) ? rows / 2 : 0;
    if (pairs) {
        const eq_output_stage stage = eq_output_stage_of(d->zero_point, d->min, d->max, true);
        const size_t bytes = eq_depthwise_group_bytes(d->height, d->width);
        for (int32_t i = 0; i < 2 * eq_groups_of(d->channels); i++) {
            const int8_t *packed = (const int8_t *)d->packed + (size_t)(i / 2) * bytes;
            const int32_t first = eq_first_channel(i / 2, d->channels) + i % 2 * 8;
            (is_3x3 ? run_pairs_3x3 : eq_dotprod_tall_pairs)(d, packed, i % 2, &stage, in + first, out + first, pairs);
        }
    }
    if (rows > 2 * pairs) {
        eq_neon64_depthwise_run(d, in + 2 * pairs * d->in_row, out + 2 * pairs * d->out_row, rows - 2 * pairs);
    }
}
