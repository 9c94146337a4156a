/* Depthwise convolutions of dynamic range: eight channels, the sums of pairs of taps in 16 bits, which weights other than -128 cannot
 * overflow. */
#include "set.h"

#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "kernels/inline.h"

enum { SMALL = 9, MOST_TAPS = 64 }; /* windows of 3 x 3 have their weights in registers */

typedef struct window_taps {
    ptrdiff_t offsets[MOST_TAPS + 1]; /* of the input; one more, whose weights are 0, where the number is odd */
    int8x8_t weights[MOST_TAPS + 1];
    int32_t count; /* even */
    bool is_small, has_minimum;
} window_taps;

typedef struct output_way { /* from sums to outputs */
    int32x4_t start[2];
    float32x4_t scale[2], bias[2], in_scale, min, max;
} output_way;

EQ_INLINE void put(const output_way *way, const int32x4_t sums[2], float *out, int32_t count) {
    float32x4_t x[2];
    EQ_UNROLL
    for (int half = 0; half < 2; half++) {
        x[half] = vmulq_f32(vmulq_f32(vcvtq_f32_s32(sums[half]), way->scale[half]), way->in_scale);
        x[half] = vminq_f32(vmaxq_f32(vaddq_f32(x[half], way->bias[half]), way->min), way->max);
    }
    if (count == 8) {
        vst1q_f32(out, x[0]);
        vst1q_f32(out + 4, x[1]);
    } else {
        memcpy(out, x, (size_t)count * sizeof *out);
    }
}

EQ_INLINE void add(int32x4_t sums[2], int16x8_t products) {
    sums[0] = vaddw_s16(sums[0], vget_low_s16(products));
    sums[1] = vaddw_high_s16(sums[1], products);
}

/* An output. An odd tap has a product of its own. */
EQ_INLINE void add_taps(int32x4_t sums[2], const int8_t *in, const ptrdiff_t *offsets, const int8x8_t *weights, const int taps,
                        const bool has_minimum) {
    EQ_UNROLL
    for (int i = 0; i < taps; i += 2) {
        int16x8_t products = vmull_s8(weights[i], vld1_s8(in + offsets[i]));
        if (has_minimum) {
            add(sums, products);
            products = vmull_s8(weights[i + 1], vld1_s8(in + offsets[i + 1]));
        } else if (i + 1 < taps) {
            products = vmlal_s8(products, weights[i + 1], vld1_s8(in + offsets[i + 1]));
        }
        add(sums, products);
    }
}

EQ_INLINE void run_window(const window_taps *t, const output_way *way, const int8_t *in, float *out, int32_t count,
                          const bool has_minimum) {
    int32x4_t sums[2] = {way->start[0], way->start[1]};
    for (int32_t i = 0; i < t->count; i += 2) {
        add_taps(sums, in, t->offsets + i, t->weights + i, 2, has_minimum);
    }
    put(way, sums, out, count);
}

static void run_row(const eq_depthwise_dynamic *d, const window_taps *t, const output_way *ways, const int8_t *in, float *out,
                    int32_t count) {
    const output_way way = *ways;
    for (int32_t x = 0; x < d->out_width; x++, in += d->in_column, out += d->channels) {
        if (t->has_minimum) {
            run_window(t, &way, in, out, count, true);
        } else {
            run_window(t, &way, in, out, count, false);
        }
    }
}

static void run_small_row(const eq_depthwise_dynamic *d, const window_taps *t, const output_way *ways, const int8_t *in,
                          float *out) {
    const output_way way = *ways;
    const ptrdiff_t right = d->in_column, channels = d->channels;
    ptrdiff_t offsets[SMALL];
    int8x8_t weights[SMALL];
    EQ_UNROLL
    for (int i = 0; i < SMALL; i++) {
        offsets[i] = t->offsets[i], weights[i] = t->weights[i];
    }
    for (int32_t x = d->out_width; x > 0; x--, in += right, out += channels) {
        __asm__("" : "+r"(in)); /* one pointer that moves, not one for each tap */
        int32x4_t sums[2] = {way.start[0], way.start[1]};
        add_taps(sums, in, offsets, weights, SMALL, false);
        put(&way, sums, out, 8);
    }
}

EQ_INLINE float32x4_t some_floats(const float *from, int32_t count) {
    float part[4] = {0};
    for (int32_t i = 0; i < count && i < 4; i++) {
        part[i] = from[i];
    }
    return vld1q_f32(part);
}

EQ_INLINE int8x8_t some_bytes(const int8_t *from, int32_t count) {
    if (count == 8) {
        return vld1_s8(from);
    }
    int8_t part[8] = {0};
    memcpy(part, from, (size_t)count);
    return vld1_s8(part);
}

static void load_taps(const eq_depthwise_dynamic *d, int32_t first, int32_t count, int32_t zero_point, window_taps *t,
                      output_way *way) {
    int16x8_t sum = vdupq_n_s16(0);
    int8x8_t least = vdup_n_s8(0);
    const int8_t *weights = d->weights + first;
    t->count = 0;
    for (int32_t y = 0; y < d->height; y++) {
        for (int32_t x = 0; x < d->width; x++, weights += d->channels) {
            const int8x8_t w = some_bytes(weights, count);
            t->offsets[t->count] = y * d->tap_row + x * d->tap_column;
            t->weights[t->count++] = w;
            sum = vaddw_s8(sum, w); /* at most MOST_TAPS of them */
            least = vmin_s8(least, w);
        }
    }
    t->is_small = t->count <= SMALL;
    while (t->count < SMALL || t->count % 2) {
        t->offsets[t->count] = 0;
        t->weights[t->count++] = vdup_n_s8(0);
    }
    t->has_minimum = vminv_s8(least) == -128;
    way->start[0] = vmulq_n_s32(vmovl_s16(vget_low_s16(sum)), -zero_point);
    way->start[1] = vmulq_n_s32(vmovl_high_s16(sum), -zero_point);
    for (int half = 0; half < 2; half++) {
        way->scale[half] = some_floats(d->scale + first + 4 * half, count - 4 * half);
        way->bias[half] = some_floats(d->bias + first + 4 * half, count - 4 * half);
    }
}

void eq_neon64_depthwise_dynamic(const eq_depthwise_dynamic *d, const int8_t *in, eq_dynamic_scale scale, float *out,
                                 int32_t rows) {
    if (d->height * d->width > MOST_TAPS) {
        eq_scalar_depthwise_dynamic(d, in, scale, out, rows);
        return;
    }
    output_way way = {.in_scale = vdupq_n_f32(scale.scale), .min = vdupq_n_f32(d->min), .max = vdupq_n_f32(d->max)};
    for (int32_t c = 0; c < d->channels; c += 8) {
        const int32_t count = d->channels - c < 8 ? d->channels - c : 8;
        window_taps taps;
        load_taps(d, c, count, scale.zero_point, &taps, &way);
        for (int32_t y = 0; y < rows; y++) {
            const int8_t *window = in + y * d->in_row + c;
            float *to = out + (ptrdiff_t)y * d->out_width * d->channels + c;
            if (taps.is_small && !taps.has_minimum && count == 8) {
                run_small_row(d, &taps, &way, window, to);
            } else {
                run_row(d, &taps, &way, window, to, count);
            }
        }
    }
}
