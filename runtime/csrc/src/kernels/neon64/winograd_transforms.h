/* The transforms of F(4x4, 3x3), whose points are 0, 1, -1, 2, -2 (Lavin, Gray: Fast Algorithms for Convolutional Neural Networks),
 * in integers: the weights' has all rows times 24, less a factor that the output's has, which so is
 *
 *     6  4  4  1  1  0
 *     0  4 -4  2 -2  0
 *     0  4  4  4  4  0
 *     0  4 -4  8 -8 24
 *
 * and gives 24 * 24 times the convolution. Transformed inputs are at most 100 * 128, weights 49 * 128: int16. Sums wrap, which does
 * no harm: times the inverse of 9 modulo 2^32, 64 times the convolution is left, and a convolution is smaller than 2^25. */
#ifndef EQ_NEON64_WINOGRAD_TRANSFORMS_H
#define EQ_NEON64_WINOGRAD_TRANSFORMS_H

#include "requantize.h"

typedef int16x8_t eq_six[6];

EQ_INLINE void eq_transform_six(const int16x8_t in[6], int16x8_t out[6]) {
    const int16x8_t a = vsubq_s16(in[4], in[2]), b = vsubq_s16(in[3], in[1]), twice = vaddq_s16(b, b);
    const int16x8_t even = vsubq_s16(in[4], vshlq_n_s16(in[2], 2)), odd = vsubq_s16(in[3], vshlq_n_s16(in[1], 2));
    out[0] = vaddq_s16(a, vshlq_n_s16(vsubq_s16(in[0], in[2]), 2));
    out[1] = vaddq_s16(even, odd);
    out[2] = vsubq_s16(even, odd);
    out[3] = vaddq_s16(a, twice);
    out[4] = vsubq_s16(a, twice);
    out[5] = vsubq_s16(vsubq_s16(in[5], in[3]), vshlq_n_s16(b, 2));
}

/* The 6x6 pixels at `in`; every eight channels of position p go to out + (p * channels / 8 + channel / 8) * step. */
static void eq_winograd_transform_input(const eq_winograd *w, const int8_t *in, int16_t *out, ptrdiff_t step) {
    const ptrdiff_t channels = w->channels, position_step = channels / 8 * step;
    for (ptrdiff_t c = 0; c < channels; c += 8, in += 8, out += step) {
        eq_six rows[6]; /* (y, x) */
        for (int x = 0; x < 6; x++) {
            int16x8_t pixels[6], column[6];
            const int8_t *pixel = in + x * channels;
            EQ_UNROLL
            for (int y = 0; y < 6; y++, pixel += w->in_row) {
                pixels[y] = vmovl_s8(vld1_s8(pixel));
            }
            eq_transform_six(pixels, column);
            EQ_UNROLL
            for (int y = 0; y < 6; y++) {
                rows[y][x] = column[y];
            }
        }
        int16_t *to = out;
        for (int y = 0; y < 6; y++) {
            int16x8_t row[6];
            eq_transform_six(rows[y], row);
            EQ_UNROLL
            for (int x = 0; x < 6; x++, to += position_step) {
                vst1q_s16(to, row[x]);
            }
        }
    }
}

EQ_INLINE void eq_transform_sums(const int32x4_t in[6], int32x4_t out[4]) {
    const int32x4_t s = vaddq_s32(in[1], in[2]), d = vsubq_s32(in[1], in[2]);
    const int32x4_t t = vaddq_s32(in[3], in[4]), e = vsubq_s32(in[3], in[4]);
    const int32x4_t s4 = vshlq_n_s32(s, 2), d4 = vshlq_n_s32(d, 2), e2 = vaddq_s32(e, e);
    out[0] = vmlaq_n_s32(vaddq_s32(s4, t), in[0], 6);
    out[1] = vaddq_s32(d4, e2);
    out[2] = vaddq_s32(s4, vshlq_n_s32(t, 2));
    out[3] = vmlaq_n_s32(vaddq_s32(d4, vshlq_n_s32(e2, 2)), in[5], 24);
}

/* Four columns of a tile: (y, x), before the second transform. */
typedef int32x4_t eq_half_tile[4][6];

static void eq_transform_columns(const int32_t *sums, ptrdiff_t position_step, eq_half_tile half) {
    EQ_UNROLL
    for (int x = 0; x < 6; x++, sums += position_step) {
        int32x4_t column[6], to[4];
        EQ_UNROLL
        for (int y = 0; y < 6; y++) {
            column[y] = vld1q_s32(sums + 6 * y * position_step);
        }
        eq_transform_sums(column, to);
        EQ_UNROLL
        for (int y = 0; y < 4; y++) {
            half[y][x] = to[y];
        }
    }
}

EQ_INLINE int32x4_t eq_divided_sum(int32x4_t sum, int32x4_t bias) {
    return vsraq_n_s32(bias, vmulq_n_s32(sum, 954437177), 6); /* 9 * 954437177 is 2^33 + 1 */
}

EQ_INLINE void eq_scale_row(const eq_output_stage *stage, const int32x4_t low[4], const int32x4_t high[4], const int8_t *head,
                            int16x8_t scaled[4], const bool small) {
    const int32x4_t bias_low = vld1q_s32((const void *)head);
    const int32x4_t bias_high = vld1q_s32((const void *)(head + 16));
    const float32x4_t scale_low = vld1q_f32((const void *)(head + 32)), scale_high = vld1q_f32((const void *)(head + 48));
    EQ_UNROLL
    for (int x = 0; x < 4; x++) {
        const int32x4_t a = eq_divided_sum(low[x], bias_low), b = eq_divided_sum(high[x], bias_high);
        scaled[x] = small ? eq_scale_small(stage, a, b, scale_low, scale_high) : eq_scale_any(a, b, scale_low, scale_high);
    }
}

/* Eight columns of a tile, those at `column`: sums of position p are at sums + p * position_step. `head` has bias and scale. */
static void eq_winograd_transform_output(const eq_winograd *w, const eq_output_stage *stage, const int8_t *head,
                                         const int32_t *sums, ptrdiff_t position_step, const eq_winograd_tile *tile,
                                         int32_t column) {
    eq_half_tile low, high;
    eq_transform_columns(sums, position_step, low);
    eq_transform_columns(sums + 4, position_step, high);
    for (int32_t y = tile->first_row; y < tile->last_row; y++) {
        int32x4_t row_low[4], row_high[4];
        int16x8_t scaled[4];
        int8_t *pixels[4], nowhere[8];
        eq_transform_sums(low[y], row_low);
        eq_transform_sums(high[y], row_high);
        if (stage->small) {
            eq_scale_row(stage, row_low, row_high, head, scaled, true);
        } else {
            eq_scale_row(stage, row_low, row_high, head, scaled, false);
        }
        EQ_UNROLL
        for (int x = 0; x < 4; x++) {
            pixels[x] = x < tile->columns ? tile->out + y * w->out_row + x * (ptrdiff_t)w->columns + column : nowhere;
        }
        eq_store_rows(stage, scaled, pixels, 0, 4);
    }
}

#endif
