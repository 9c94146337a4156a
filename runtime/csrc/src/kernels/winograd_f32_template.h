/* Tiles to points and products to tiles of F(4 x 4, 3 x 3): B^T d B and A^T m A of ops/matrix/winograd_f32.c, LANES channels at once.
 * Every operation is rounded. Include after floats.h of a set, of which this takes vec, LANES, load, store, splat, clamp and PREFIX, and
 *
 *     NARROWER_SET   the set that takes layers of fewer than LANES channels, or columns; none where LANES is at most 8
 *
 * Where channels are no multiple of LANES, the last block begins within the one before, and computes some of them again. */
#include "kernels.h"
#include "inline.h"

enum { OUT = 4, IN = 6 };

#define ROOT_2 1.41421356237309504880f
#define ROOT_HALF 0.70710678118654752440f

EQ_INLINE void to_points(const vec d[IN], vec out[IN]) {
    const vec even_1 = d[4] - 2.0f * d[2], odd_1 = ROOT_HALF * d[3] - ROOT_2 * d[1];
    const vec even_2 = d[4] - 0.5f * d[2], odd_2 = ROOT_2 * d[3] - ROOT_HALF * d[1];
    out[0] = (d[0] - 2.5f * d[2]) + d[4];
    out[1] = even_1 + odd_1;
    out[2] = even_1 - odd_1;
    out[3] = even_2 + odd_2;
    out[4] = even_2 - odd_2;
    out[5] = (d[1] - 2.5f * d[3]) + d[5];
}

EQ_INLINE void to_outputs(const vec m[IN], vec out[OUT]) {
    const vec sum_1 = m[1] + m[2], difference_1 = ROOT_HALF * (m[1] - m[2]);
    const vec sum_2 = m[3] + m[4], difference_2 = ROOT_2 * (m[3] - m[4]);
    out[0] = (m[0] + sum_1) + sum_2;
    out[1] = difference_1 + difference_2;
    out[2] = 0.5f * sum_1 + 2.0f * sum_2;
    out[3] = (0.5f * difference_1 + 2.0f * difference_2) + m[5];
}

/* The block of channels after the one at `c`. */
EQ_INLINE int32_t next_block(int32_t c, int32_t channels) {
    const int32_t left = channels - c - LANES;
    return left >= LANES || left <= 0 ? c + LANES : channels - LANES;
}

void PREFIX(winograd_f32_input)(const void *first, ptrdiff_t row, int32_t channels, int32_t tiles, void *points,
                                ptrdiff_t stride) {
#ifdef NARROWER_SET
    if (channels < LANES) {
        NARROWER_SET(winograd_f32_input)(first, row, channels, tiles, points, stride);
        return;
    }
#endif
    const ptrdiff_t pixel = channels;
    const float *tile = first;
    float *to = points;
    row /= (ptrdiff_t)sizeof(float);
    for (; tiles > 0; tiles--, tile += OUT * pixel, to += channels) {
        for (int32_t c = 0; c < channels; c = next_block(c, channels)) {
            const float *in = tile + c;
            float *out = to + c;
            vec half[IN][IN]; /* (points, pixels): more than there are registers, so these loops stay loops */
            for (int x = 0; x < IN; x++) {
                vec d[IN], column[IN];
                EQ_UNROLL
                for (int y = 0; y < IN; y++) {
                    d[y] = load(in + y * row + x * pixel);
                }
                to_points(d, column);
                EQ_UNROLL
                for (int y = 0; y < IN; y++) {
                    half[y][x] = column[y];
                }
            }
            for (int y = 0; y < IN; y++) {
                vec line[IN];
                to_points(half[y], line);
                EQ_UNROLL
                for (int x = 0; x < IN; x++) {
                    store(out + (y * IN + x) * stride, line[x]);
                }
            }
        }
    }
}

bool PREFIX(winograd_f32_output)(const eq_tile_outputs *o, const void *products, ptrdiff_t stride, int32_t tiles, void *first,
                                 int32_t height, int32_t width) {
#ifdef NARROWER_SET
    if (o->columns < LANES) {
        return NARROWER_SET(winograd_f32_output)(o, products, stride, tiles, first, height, width);
    }
#endif
    const float min = o->min, max = o->max, none = 0;
    const ptrdiff_t pixel = o->columns, row = o->row / (ptrdiff_t)sizeof(float);
    const float *from = products;
    float *tile = first;
    for (; tiles > 0; tiles--, tile += OUT * pixel, from += pixel, width -= OUT) {
        const int32_t most = width < OUT ? width : OUT;
        for (int32_t n = 0; n < o->columns; n = next_block(n, o->columns)) {
            const float *points = from + n;
            const vec bias = o->bias ? load(o->bias + n) : splat(&none);
            vec half[OUT][IN];
            for (int x = 0; x < IN; x++) {
                vec m[IN], values[OUT];
                EQ_UNROLL
                for (int y = 0; y < IN; y++) {
                    m[y] = load(points + (y * IN + x) * stride);
                }
                to_outputs(m, values);
                EQ_UNROLL
                for (int y = 0; y < OUT; y++) {
                    half[y][x] = values[y];
                }
            }
            for (int32_t y = 0; y < height; y++) {
                float *out = tile + n + y * row;
                vec values[OUT];
                to_outputs(half[y], values);
                EQ_UNROLL
                for (int32_t x = 0; x < OUT; x++) {
                    if (x < most) {
                        store(out + x * pixel, clamp(values[x] + bias, min, max));
                    }
                }
            }
        }
    }
    return true;
}
