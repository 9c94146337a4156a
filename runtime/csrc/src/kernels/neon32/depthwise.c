/* Depthwise convolution of ARMv7, 16 channels at a time: VMULL and VMLAL add the products of two taps in 16 bits, VADDW adds
 * them to the sums. Two weights of -128 would overflow: a group in which a channel has two adds every product alone.
 *
 * Packed, for every 16 channels: bias (16), scale (16), whether to take taps in pairs, weights (height, width, 16). */
#include "set.h"

#include "requantize.h"

enum { CHANNELS = 16 };

typedef struct group {
    int32_t bias[CHANNELS];
    float scale[CHANNELS];
    int32_t in_pairs;
    int8_t weights[];
} group;

static size_t group_bytes(int32_t height, int32_t width) {
    return (sizeof(group) + (size_t)height * (size_t)width * CHANNELS + 15) / 16 * 16;
}

size_t eq_neon32_depthwise_packed_bytes(const eq_depthwise_weights *w) {
    return ((size_t)w->channels + CHANNELS - 1) / CHANNELS * group_bytes(w->height, w->width);
}

static bool two_minima(const group *g, int32_t taps) {
    for (int32_t c = 0; c < CHANNELS; c++) {
        int32_t count = 0;
        for (int32_t tap = 0; tap < taps; tap++) {
            count += g->weights[(size_t)tap * CHANNELS + (size_t)c] == INT8_MIN;
        }
        if (count > 1) {
            return true;
        }
    }
    return false;
}

void eq_neon32_depthwise_pack(const eq_depthwise_weights *w, void *packed) {
    const int32_t taps = w->height * w->width;
    for (int32_t first = 0; first < w->channels; first += CHANNELS) {
        const size_t count = (size_t)(w->channels - first < CHANNELS ? w->channels - first : CHANNELS);
        group *g = packed;
        memcpy(g->bias, w->bias + first, count * sizeof *g->bias);
        memcpy(g->scale, w->scale + first, count * sizeof *g->scale);
        for (int32_t tap = 0; tap < taps; tap++) {
            memcpy(g->weights + (size_t)tap * CHANNELS, w->weights + (size_t)tap * (size_t)w->channels + first, count);
        }
        g->in_pairs = !two_minima(g, taps);
        packed = (char *)packed + group_bytes(w->height, w->width);
    }
}

EQ_INLINE void add_wide(int32x4_t sums[4], int16x8_t low, int16x8_t high) {
    sums[0] = vaddw_s16(sums[0], vget_low_s16(low));
    sums[1] = vaddw_s16(sums[1], vget_high_s16(low));
    sums[2] = vaddw_s16(sums[2], vget_low_s16(high));
    sums[3] = vaddw_s16(sums[3], vget_high_s16(high));
}

EQ_INLINE void add_tap(int32x4_t sums[4], int8x16_t a, int8x16_t w) {
    add_wide(sums, vmull_s8(vget_low_s8(a), vget_low_s8(w)), vmull_s8(vget_high_s8(a), vget_high_s8(w)));
}

EQ_INLINE void add_two_taps(int32x4_t sums[4], int8x16_t a, int8x16_t w, int8x16_t b, int8x16_t v) {
    add_wide(sums, vmlal_s8(vmull_s8(vget_low_s8(a), vget_low_s8(w)), vget_low_s8(b), vget_low_s8(v)),
             vmlal_s8(vmull_s8(vget_high_s8(a), vget_high_s8(w)), vget_high_s8(b), vget_high_s8(v)));
}

EQ_INLINE void sum_window(const eq_depthwise *d, const group *g, const int8_t *in, int32x4_t sums[4]) {
    const int8_t *weights = g->weights;
    for (int i = 0; i < 4; i++) {
        sums[i] = vld1q_s32(g->bias + 4 * i);
    }
    for (int32_t y = 0; y < d->height; y++) {
        const int8_t *tap = in + y * d->tap_row;
        int32_t x = d->width;
        for (; g->in_pairs && x > 1; x -= 2, tap += 2 * d->tap_column, weights += 2 * CHANNELS) {
            add_two_taps(sums, vld1q_s8(tap), vld1q_s8(weights), vld1q_s8(tap + d->tap_column), vld1q_s8(weights + CHANNELS));
        }
        for (; x > 0; x--, tap += d->tap_column, weights += CHANNELS) {
            add_tap(sums, vld1q_s8(tap), vld1q_s8(weights));
        }
    }
}

/* A row of outputs of one group of channels. */
EQ_INLINE void run_row(const eq_depthwise *d, const group *g, const eq_output_stage *stage, const int8_t *in, int8_t *out,
                       int32_t channels, const bool small) {
    for (int32_t column = 0; column < d->out_width; column++, in += d->in_column, out += d->channels) {
        int32x4_t sums[4];
        sum_window(d, g, in, sums);
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            if (channels <= 8 * half) {
                break;
            }
            const float32x4_t scale[2] = {vld1q_f32(g->scale + 8 * half), vld1q_f32(g->scale + 8 * half + 4)};
            eq_store_8(out + 8 * half, eq_requantize_8(stage, sums + 2 * half, scale, small), channels - 8 * half);
        }
    }
}

EQ_INLINE void add_products(int32x4_t sums[2], int16x8_t products) {
    sums[0] = vaddw_s16(sums[0], vget_low_s16(products));
    sums[1] = vaddw_s16(sums[1], vget_high_s16(products));
}

/* A row of outputs of a 3x3 kernel on channels first to first + 7 of a group, small, in pairs: the weights stay in
 * registers. */
static void run_row_3x3(const eq_depthwise *d, const group *g, const eq_output_stage *stage, const int8_t *in, int8_t *out,
                        int32_t first) {
    const eq_output_stage s = *stage;
    const ptrdiff_t right = d->tap_column;
    const int32x4_t bias[2] = {vld1q_s32(g->bias + first), vld1q_s32(g->bias + first + 4)};
    const float32x4_t scale[2] = {vld1q_f32(g->scale + first), vld1q_f32(g->scale + first + 4)};
    int8x8_t w[9];
#pragma GCC unroll 9
    for (int i = 0; i < 9; i++) {
        w[i] = vld1_s8(g->weights + i * CHANNELS + first);
    }
    for (int32_t column = d->out_width; column > 0; column--, in += d->in_column, out += d->channels) {
        const int8_t *top = in, *middle = in + d->tap_row, *bottom = in + 2 * d->tap_row;
        int32x4_t sums[2] = {bias[0], bias[1]};
        add_products(sums, vmlal_s8(vmull_s8(vld1_s8(top), w[0]), vld1_s8(top + right), w[1]));
        add_products(sums, vmlal_s8(vmull_s8(vld1_s8(top + 2 * right), w[2]), vld1_s8(middle), w[3]));
        add_products(sums, vmlal_s8(vmull_s8(vld1_s8(middle + right), w[4]), vld1_s8(middle + 2 * right), w[5]));
        add_products(sums, vmlal_s8(vmull_s8(vld1_s8(bottom), w[6]), vld1_s8(bottom + right), w[7]));
        add_products(sums, vmull_s8(vld1_s8(bottom + 2 * right), w[8]));
        vst1_s8(out, eq_requantize_8(&s, sums, scale, true));
    }
}

static void run_group(const eq_depthwise *d, const group *g, const eq_output_stage *stage, const int8_t *in, int8_t *out,
                      int32_t channels) {
    if (d->height == 3 && d->width == 3 && d->small && g->in_pairs && (channels == 8 || channels >= CHANNELS)) {
        for (int32_t c = 0; c < CHANNELS && c < channels; c += 8) {
            run_row_3x3(d, g, stage, in + c, out + c, c);
        }
    } else if (d->small) {
        run_row(d, g, stage, in, out, channels, true);
    } else {
        run_row(d, g, stage, in, out, channels, false);
    }
}

void eq_neon32_depthwise_run(const eq_depthwise *d, const int8_t *in, int8_t *out, int32_t rows) {
    const eq_output_stage stage = eq_output_stage_of(d->zero_point, d->min, d->max);
    const char *packed = d->packed;
    for (int32_t c = 0; c < d->channels; c += CHANNELS, packed += group_bytes(d->height, d->width)) {
        for (int32_t row = 0; row < rows; row++) {
            run_group(d, (const void *)packed, &stage, in + row * d->in_row + c, out + row * d->out_row + c, d->channels - c);
        }
    }
}
