/* Transforms of Winograd's F(2x2, 3x3), for any width of vectors of float16: include after
 *
 *     value, vec; enum { LANES }   as of gemm_f32_template.h
 *     sum_of(a, b), difference_of(a, b), load(p), store(p, v), zero(), narrow_sum(p), clamp(v, min, max)
 *
 * All 16 points of a vector of channels stay in registers. */
#include "inline.h"
#include "kernels.h"

enum { OUTPUTS = 2, POINTS = 4 }; /* along an axis */

EQ_INLINE void to_points(const vec d[POINTS], vec points[POINTS]) {
    points[0] = difference_of(d[0], d[2]);
    points[1] = sum_of(d[1], d[2]);
    points[2] = difference_of(d[2], d[1]);
    points[3] = difference_of(d[1], d[3]);
}

EQ_INLINE void to_outputs(const vec m[POINTS], vec outputs[OUTPUTS]) {
    outputs[0] = sum_of(sum_of(m[0], m[1]), m[2]);
    outputs[1] = difference_of(difference_of(m[1], m[2]), m[3]);
}

void FLOAT_NAME(winograd, input)(const void *in, ptrdiff_t row, int32_t channels, int32_t tiles, void *points,
                                 ptrdiff_t stride) {
    const char *from = in;
    const ptrdiff_t pixel = channels * (ptrdiff_t)sizeof(value);
    value *to = points;
    for (; tiles > 0; tiles--, from += (OUTPUTS - 1) * pixel) {
        for (int32_t left = channels; left > 0; left -= LANES, from += LANES * sizeof(value), to += LANES) {
            const char *rows[POINTS]; /* these, and not an address for each of 16 loads */
            EQ_UNROLL
            for (int y = 0; y < POINTS; y++) {
                rows[y] = from + y * row;
                __asm__("" : "+r"(rows[y]));
            }
            vec half[POINTS][POINTS]; /* (pixels of a row, points of a column) */
            EQ_UNROLL
            for (int x = 0; x < POINTS; x++) {
                vec d[POINTS];
                EQ_UNROLL
                for (int y = 0; y < POINTS; y++) {
                    d[y] = load((const value *)(const void *)(rows[y] + x * pixel));
                }
                to_points(d, half[x]);
            }
            EQ_UNROLL
            for (int y = 0; y < POINTS; y++) {
                const vec d[POINTS] = {half[0][y], half[1][y], half[2][y], half[3][y]};
                vec all[POINTS];
                to_points(d, all);
                value *line = to + y * POINTS * stride; /* as above */
                __asm__("" : "+r"(line));
                EQ_UNROLL
                for (int x = 0; x < POINTS; x++) {
                    store(line + x * stride, all[x]);
                }
            }
        }
    }
}

EQ_INLINE bool are_numbers(vec v) {
    value lanes[LANES], large = 0;
    store(lanes, v);
    for (int i = 0; i < LANES; i++) {
        large |= (lanes[i] & 0x7c00) == 0x7c00;
    }
    return !large;
}

bool FLOAT_NAME(winograd, output)(const eq_tile_outputs *o, const void *points, ptrdiff_t stride, int32_t tiles, void *out,
                                  int32_t height, int32_t width) {
    const value *from = points;
    const int32_t columns = o->columns;
    const float min = o->min, max = o->max;
    value *to = out;
    vec zeros = zero(); /* NaN once an output is infinite or NaN: 0 times it is */
    for (; tiles > 0; tiles--, to += (OUTPUTS - 1) * columns, width -= OUTPUTS) {
        for (int32_t n = 0; n < columns; n += LANES, from += LANES, to += LANES) {
            const vec bias = o->bias ? narrow_sum(o->bias + n) : zero();
            vec half[POINTS][OUTPUTS];
            const value *lines[POINTS];
            EQ_UNROLL
            for (int y = 0; y < POINTS; y++) {
                lines[y] = from + y * POINTS * stride;
                __asm__("" : "+r"(lines[y]));
            }
            EQ_UNROLL
            for (int x = 0; x < POINTS; x++) {
                vec m[POINTS];
                EQ_UNROLL
                for (int y = 0; y < POINTS; y++) {
                    m[y] = load(lines[y] + x * stride);
                }
                to_outputs(m, half[x]);
            }
            EQ_UNROLL
            for (int y = 0; y < OUTPUTS; y++) {
                const vec m[POINTS] = {half[0][y], half[1][y], half[2][y], half[3][y]};
                value *line = (value *)(void *)((char *)to + y * o->row);
                vec values[OUTPUTS];
                to_outputs(m, values);
                if (y < height) {
                    const vec left = sum_of(values[0], bias), right = sum_of(values[1], bias);
                    zeros = fused(right, zero(), fused(left, zero(), zeros));
                    store(line, clamp(left, min, max));
                    if (width > 1) {
                        store(line + columns, clamp(right, min, max));
                    }
                }
            }
        }
    }
    return are_numbers(zeros);
}
