/* Depthwise convolution with kernels 4 to 7 high and stride 1, such as 5x5: two
 * rows of outputs need 8 input rows at most, two interleaved columns of four. A
 * strip of columns is interleaved once; every output reads as many as the
 * kernel is wide. */
#include "columns.h"

enum { STRIP = 32 }; /* output columns at once */

typedef struct tall_column { /* rows 0 to 3 and 4 to 7 */
    column top, bottom;
} tall_column;

typedef struct tall_weights { /* for the upper and the lower row of outputs: the
                                 lower begins one row below */
    tall_column upper[EQ_TALL_WIDTH], lower[EQ_TALL_WIDTH];
} tall_weights;

/* Rows of eight bytes, `stride` apart. Those outside of `height` are zero. */
EQ_INLINE int8x8_t row_or_zero(const int8_t *rows, ptrdiff_t stride, int32_t row, int32_t height) {
    return row >= 0 && row < height ? vld1_s8(rows + row * stride) : vdup_n_s8(0);
}

EQ_INLINE column four_rows(const int8_t *rows, ptrdiff_t stride, int32_t first, int32_t height) {
    return interleave(row_or_zero(rows, stride, first, height), row_or_zero(rows, stride, first + 1, height),
                      row_or_zero(rows, stride, first + 2, height), row_or_zero(rows, stride, first + 3, height));
}

static void load_weights(const int8_t *weights, int32_t height, int32_t width, tall_weights *w) {
    const ptrdiff_t row = (ptrdiff_t)width * 16;
    for (int32_t x = 0; x < width; x++, weights += 16) {
        w->upper[x] = (tall_column){four_rows(weights, row, 0, height), four_rows(weights, row, 4, height)};
        w->lower[x] = (tall_column){four_rows(weights, row, -1, height), four_rows(weights, row, 3, height)};
    }
}

/* Rows past the kernel's last have no weight: the last is read again, which may
 * be read for sure. */
static void load_strip(const eq_depthwise *d, const int8_t *in, int32_t columns, tall_column *strip) {
    const ptrdiff_t down = d->tap_row;
    const int8_t *fifth = in + 4 * down, *sixth = in + (d->height > 4 ? 5 : 4) * down;
    const int8_t *seventh = in + (d->height > 5 ? 6 : 4) * down, *eighth = in + (d->height > 6 ? 7 : 4) * down;
    for (ptrdiff_t x = 0; x < columns * d->tap_column; x += d->tap_column, in += d->tap_column, strip++) {
        strip->top = interleave(vld1_s8(in), vld1_s8(in + down), vld1_s8(in + 2 * down), vld1_s8(in + 3 * down));
        strip->bottom = interleave(vld1_s8(fifth + x), vld1_s8(sixth + x), vld1_s8(seventh + x), vld1_s8(eighth + x));
    }
}

EQ_INLINE void add_column(int32x4_t sums[2], const tall_column *in, const tall_column *w) {
    sums[0] = vdotq_s32(vdotq_s32(sums[0], in->top.low, w->top.low), in->bottom.low, w->bottom.low);
    sums[1] = vdotq_s32(vdotq_s32(sums[1], in->top.high, w->top.high), in->bottom.high, w->bottom.high);
}

EQ_INLINE void run_strip(const eq_depthwise *d, const tall_weights *w, const eq_channel_scale *scale,
                         const eq_output_stage *stage, const tall_column *strip, int8_t *out, int32_t columns,
                         const int width) {
    for (; columns > 0; columns--, strip++, out += d->channels) {
        int32x4_t upper[2] = {scale->bias[0], scale->bias[1]}, lower[2] = {scale->bias[0], scale->bias[1]};
        EQ_UNROLL
        for (int x = 0; x < width; x++) {
            add_column(upper, &strip[x], &w->upper[x]);
            add_column(lower, &strip[x], &w->lower[x]);
        }
        const int8x16_t values = eq_to_outputs(stage, eq_scale_eight(stage, upper, scale->scale, stage->small),
                                               eq_scale_eight(stage, lower, scale->scale, stage->small), false);
        vst1_s8(out, vget_low_s8(values));
        vst1_s8(out + d->out_row, vget_high_s8(values));
    }
}

void eq_dotprod_tall_rows(const eq_depthwise *d, const eq_channels *c, const eq_output_stage *stage, const int8_t *in,
                          int8_t *out, int32_t rows) {
    tall_weights w;
    tall_column strip[STRIP + EQ_TALL_WIDTH - 1];
    const eq_channel_scale scale = eq_load_scale(c, false);
    load_weights(c->weights, d->height, d->width, &w);
    do {
        for (int32_t first = 0; first < d->out_width; first += STRIP) {
            const int32_t columns = d->out_width - first < STRIP ? d->out_width - first : STRIP;
            int8_t *to = out + (ptrdiff_t)first * d->channels;
            load_strip(d, in + first * d->in_column, columns + d->width - 1, strip);
            if (d->width == 5) {
                run_strip(d, &w, &scale, stage, strip, to, columns, 5);
            } else {
                run_strip(d, &w, &scale, stage, strip, to, columns, d->width);
            }
        }
    } while (eq_next_two_rows(d, &in, &out, &rows));
}
