/* Tiles to points and products to tiles of F(4 x 4, 3 x 3): B^T d B and A^T m A of winograd_f32.c, four channels at once, in vectors that every
 * compiler has code for. Every operation is rounded. */
#include "winograd_f32.h"

#include "kernels/inline.h"

enum { OUT = 4, IN = 6, LANES = 4 };

typedef float vec __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t mask __attribute__((vector_size(16), aligned(4), may_alias));

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

void eq_winograd_f32_input(const void *first, ptrdiff_t row, int32_t channels, int32_t tiles, void *points, ptrdiff_t stride) {
    const ptrdiff_t pixel = channels * (ptrdiff_t)sizeof(float);
    const uint8_t *in = first;
    float *out = points;
    for (; tiles > 0; tiles--, in += (OUT - 1) * pixel) {
        for (int32_t c = 0; c < channels; c += LANES, in += sizeof(vec), out += LANES) {
            vec half[IN][IN]; /* (points, pixels): more than there are registers, so these loops stay loops */
            for (int x = 0; x < IN; x++) {
                vec d[IN], column[IN];
                EQ_UNROLL
                for (int y = 0; y < IN; y++) {
                    d[y] = *(const vec *)(const void *)(in + y * row + x * pixel);
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
                    *(vec *)(void *)(out + (y * IN + x) * stride) = line[x];
                }
            }
        }
    }
}

EQ_INLINE vec choose(mask which, vec yes, vec no) {
    return (vec)(((mask)yes & which) | ((mask)no & ~which));
}

EQ_INLINE vec splat(float x) {
    return (vec){x, x, x, x};
}

bool eq_winograd_f32_output(const eq_tile_outputs *o, const void *products, ptrdiff_t stride, int32_t tiles, void *first,
                            int32_t height, int32_t width) {
    const vec min = splat(o->min), max = splat(o->max);
    const ptrdiff_t pixel = o->columns * (ptrdiff_t)sizeof(float);
    const float *points = products;
    uint8_t *out = first;
    for (; tiles > 0; tiles--, out += (OUT - 1) * pixel, width -= OUT) {
        const int32_t most = width < OUT ? width : OUT;
        for (int32_t n = 0; n < o->columns; n += LANES, points += LANES, out += sizeof(vec)) {
            const vec bias = o->bias ? *(const vec *)(const void *)(o->bias + n) : splat(0.0f);
            vec half[OUT][IN];
            for (int x = 0; x < IN; x++) {
                vec m[IN], values[OUT];
                EQ_UNROLL
                for (int y = 0; y < IN; y++) {
                    m[y] = *(const vec *)(const void *)(points + (y * IN + x) * stride);
                }
                to_outputs(m, values);
                EQ_UNROLL
                for (int y = 0; y < OUT; y++) {
                    half[y][x] = values[y];
                }
            }
            for (int32_t y = 0; y < height; y++) {
                vec values[OUT];
                to_outputs(half[y], values);
                for (int32_t x = 0; x < most; x++) {
                    vec value = values[x] + bias;
                    value = choose(value <= min, min, value);
                    *(vec *)(void *)(out + y * o->row + x * pixel) = choose(value >= max, max, value);
                }
            }
        }
    }
    return true;
}
