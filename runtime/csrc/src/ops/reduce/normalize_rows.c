/* Loops over rows of float32: their sums, for MEAN and SUM by themselves and in a normalized layer, and such layers. */
#include <math.h>

#include "kernels/four_floats.h"
#include "kernels/inline.h"
#include "normalization.h"

typedef double doubles __attribute__((vector_size(32)));

/* The sum of n values x, or of (x - mean)^2 in float32, in double precision: every fourth has a sum of its own, additions that need not
 * wait for each other. */
EQ_INLINE double sum_of(const float *in, int32_t n, const bool of_squares, float mean) {
    enum { VECTORS = 4 }; /* a turn */
    doubles sums = {0};
    int32_t i = 0;
    for (; i <= n - 4 * VECTORS; i += 4 * VECTORS) {
        eq_floats x[VECTORS];
        EQ_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            x[v] = ((const eq_floats *)(in + i))[v];
            if (of_squares) {
                x[v] = (x[v] - mean) * (x[v] - mean);
            }
        }
        EQ_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            sums += __builtin_convertvector(x[v], doubles);
        }
    }
    for (; i < n; i++) {
        const float x = of_squares ? (in[i] - mean) * (in[i] - mean) : in[i];
        sums[i % 4] += (double)x;
    }
    return ((sums[0] + sums[1]) + sums[2]) + sums[3];
}

__attribute__((noinline)) double eq_sum_of_row(const float *in, int32_t n) {
    return sum_of(in, n, false, 0);
}

/* out = (x - mean) * factor * gain + offset */
static void scale(const float *x, float mean, float factor, const float *gain, const float *offset, float *out, int32_t depth) {
    enum { VECTORS = 4 }; /* a turn */
    int32_t i = 0;
    for (; i <= depth - 4 * VECTORS; i += 4 * VECTORS) {
        eq_floats y[VECTORS];
        EQ_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            y[v] = (((const eq_floats *)(x + i))[v] - mean) * factor * ((const eq_floats *)(gain + i))[v] +
                   ((const eq_floats *)(offset + i))[v];
        }
        EQ_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            ((eq_floats *)(out + i))[v] = y[v];
        }
    }
    for (; i < depth; i++) {
        out[i] = (x[i] - mean) * factor * gain[i] + offset[i];
    }
}

void eq_normalize_rows(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_normalized_rows *d = step->data;
    const int32_t depth = d->depth;
    const float *gain = storage[step->inputs[1].tensor].data, *offset = storage[step->inputs[2].tensor].data;
    const float *x = (const float *)storage[step->inputs[0].tensor].data + (ptrdiff_t)first * depth;
    float *out = (float *)storage[step->outputs[0].tensor].data + (ptrdiff_t)first * depth;
    (void)scratch;
    for (; first < last; ++first, x += depth, out += depth) {
        const float mean = (float)(eq_sum_of_row(x, depth) / (double)depth);
        const float variance = (float)(sum_of(x, depth, true, mean) / (double)depth);
        scale(x, mean, 1.0f / sqrtf(variance + d->epsilon), gain, offset, out, depth);
    }
}
