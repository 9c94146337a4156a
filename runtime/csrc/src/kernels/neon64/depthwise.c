/* Depthwise convolution of ARMv8.0: SMULL and SMLAL add the products of two taps in 16 bits, SADDW adds them to the sums. Two
 * weights of -128 would overflow: a group of channels in which one has two of them adds every product alone.
 *
 * The packed weights are described in channels.h. */
#include "channels.h"
#include "set.h"

size_t eq_neon64_depthwise_packed_bytes(const eq_depthwise_weights *w) {
    return eq_depthwise_group_bytes(w->height, w->width) * (size_t)eq_groups_of(w->channels);
}

static bool two_minima(const eq_depthwise_weights *w, int32_t channel) {
    int32_t count = 0;
    for (int32_t tap = 0; tap < w->height * w->width; tap++) {
        count += w->weights[tap * w->channels + channel] == -128;
    }
    return count > 1;
}

void eq_neon64_depthwise_pack(const eq_depthwise_weights *w, void *packed) {
    const size_t bytes = eq_depthwise_group_bytes(w->height, w->width);
    for (int32_t group = 0; group < eq_groups_of(w->channels); group++) {
        const int32_t first = eq_first_channel(group, w->channels), count = w->channels < 16 ? w->channels : 16;
        int8_t *to = (int8_t *)packed + (size_t)group * bytes;
        eq_pack_group_head(w, first, count, to);
        for (int32_t tap = 0; tap < w->height * w->width; tap++) {
            memcpy(to + EQ_GROUP_HEAD_BYTES + tap * 16, w->weights + tap * w->channels + first, (size_t)count);
        }
        for (int32_t c = 0; c < count; c++) {
            to[bytes - 16] |= two_minima(w, first + c);
        }
    }
}

EQ_INLINE void add_wide(int32x4_t sums[4], int16x8_t low, int16x8_t high) {
    sums[0] = vaddw_s16(sums[0], vget_low_s16(low));
    sums[1] = vaddw_high_s16(sums[1], low);
    sums[2] = vaddw_s16(sums[2], vget_low_s16(high));
    sums[3] = vaddw_high_s16(sums[3], high);
}

EQ_INLINE void add_tap(int32x4_t sums[4], int8x16_t a, int8x16_t w) {
    add_wide(sums, vmull_s8(vget_low_s8(a), vget_low_s8(w)), vmull_high_s8(a, w));
}

EQ_INLINE void add_two_taps(int32x4_t sums[4], int8x16_t a, int8x16_t w, int8x16_t b, int8x16_t v) {
    add_wide(sums, vmlal_s8(vmull_s8(vget_low_s8(a), vget_low_s8(w)), vget_low_s8(b), vget_low_s8(v)),
             vmlal_high_s8(vmull_high_s8(a, w), b, v));
}

typedef struct row_group {
    const eq_depthwise *d;
    const eq_output_stage *stage;
    const int8_t *packed;
    int32_t count; /* of channels */
} row_group;

/* One row of outputs, any kernel. */
static void run_row(const row_group *g, const int8_t *in, int8_t *out) {
    const eq_depthwise *d = g->d;
    const eq_channel_group group = eq_load_group(g->packed, g->stage);
    const bool in_pairs = !g->packed[eq_depthwise_group_bytes(d->height, d->width) - 16];
    for (int32_t column = 0; column < d->out_width; column++, in += d->in_column, out += d->channels) {
        int32x4_t sums[4] = {group.bias[0], group.bias[1], group.bias[2], group.bias[3]};
        const int8_t *weights = g->packed + EQ_GROUP_HEAD_BYTES;
        for (int32_t y = 0; y < d->height; y++) {
            const int8_t *tap = in + y * d->tap_row;
            int32_t x = d->width;
            for (; in_pairs && x > 1; x -= 2, tap += 2 * d->tap_column, weights += 32) {
                add_two_taps(sums, vld1q_s8(tap), vld1q_s8(weights), vld1q_s8(tap + d->tap_column), vld1q_s8(weights + 16));
            }
            for (; x > 0; x--, tap += d->tap_column, weights += 16) {
                add_tap(sums, vld1q_s8(tap), vld1q_s8(weights));
            }
        }
        if (g->stage->small) {
            eq_store_channels(g->stage, &group, sums, out, g->count, true, false);
        } else {
            eq_store_channels(g->stage, &group, sums, out, g->count, false, false);
        }
    }
}

/* One row of outputs of a 3x3 kernel on 16 channels, small, in pairs: the weights stay in registers. */
EQ_INLINE void run_row_3x3(const row_group *g, const int8_t *in, int8_t *out, const bool plain) {
    const eq_depthwise *d = g->d;
    const eq_channel_group group = eq_load_group(g->packed, g->stage);
    const eq_output_stage stage = *g->stage;
    const ptrdiff_t down = d->tap_row, right = d->tap_column;
    int8x16_t w[9];
    EQ_UNROLL
    for (int i = 0; i < 9; i++) {
        w[i] = vld1q_s8(g->packed + EQ_GROUP_HEAD_BYTES + 16 * i);
    }
    for (int32_t column = d->out_width; column > 0; column--, in += d->in_column, out += d->channels) {
        int32x4_t sums[4] = {group.bias[0], group.bias[1], group.bias[2], group.bias[3]};
        add_two_taps(sums, vld1q_s8(in), w[0], vld1q_s8(in + right), w[1]);
        add_two_taps(sums, vld1q_s8(in + 2 * right), w[2], vld1q_s8(in + down), w[3]);
        add_two_taps(sums, vld1q_s8(in + down + right), w[4], vld1q_s8(in + down + 2 * right), w[5]);
        add_two_taps(sums, vld1q_s8(in + 2 * down), w[6], vld1q_s8(in + 2 * down + right), w[7]);
        add_tap(sums, vld1q_s8(in + 2 * down + 2 * right), w[8]);
        eq_store_channels(&stage, &group, sums, out, 16, true, plain);
    }
}

static void run_row_3x3_plain(const row_group *g, const int8_t *in, int8_t *out) {
    run_row_3x3(g, in, out, true);
}

static void run_row_3x3_clamped(const row_group *g, const int8_t *in, int8_t *out) {
    run_row_3x3(g, in, out, false);
}

void eq_neon64_depthwise_run(const eq_depthwise *d, const int8_t *in, int8_t *out, int32_t rows) {
    const eq_output_stage stage = eq_output_stage_of(d->zero_point, d->min, d->max, d->small);
    const size_t bytes = eq_depthwise_group_bytes(d->height, d->width);
    for (int32_t i = 0; i < eq_groups_of(d->channels); i++) {
        const int32_t first = eq_first_channel(i, d->channels);
        const int8_t *packed = (const int8_t *)d->packed + (size_t)i * bytes;
        const row_group group = {d, &stage, packed, d->channels < 16 ? d->channels : 16};
        const bool fast = d->height == 3 && d->width == 3 && d->small && group.count == 16 && !packed[bytes - 16];
        void (*const run)(const row_group *, const int8_t *, int8_t *) = !fast         ? run_row
                                                                         : stage.plain ? run_row_3x3_plain
                                                                                       : run_row_3x3_clamped;
        for (int32_t row = 0; row < rows; row++) {
            run(&group, in + row * d->in_row + first, out + row * d->out_row + first);
        }
    }
}
