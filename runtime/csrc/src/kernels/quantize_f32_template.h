/* Floats to int8 by their range, in C that compilers make vectors of: a set includes this for its CPU, after
 * PREFIX(name) and RANGE_LANES, a power of two: so many chains of comparisons, whose order does not matter. Who has a range_f32 of its own
 * leaves RANGE_LANES out. */
#include <math.h>

#include "kernels.h"

#ifdef RANGE_LANES
void PREFIX(range_f32)(const float *in, size_t n, float *least, float *most) {
    enum { LANES = RANGE_LANES };
    float low[LANES] = {0}, high[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t lane = 0; lane < LANES; ++lane) {
            const float x = in[i + lane];
            low[lane] = x < low[lane] ? x : low[lane];
            high[lane] = x > high[lane] ? x : high[lane];
        }
    }
    for (size_t lane = 0; i + lane < n; ++lane) {
        const float x = in[i + lane];
        low[lane] = x < low[lane] ? x : low[lane];
        high[lane] = x > high[lane] ? x : high[lane];
    }
    for (size_t left = LANES / 2; left > 0; left /= 2) {
        for (size_t lane = 0; lane < left; ++lane) {
            low[lane] = low[lane + left] < low[lane] ? low[lane + left] : low[lane];
            high[lane] = high[lane + left] > high[lane] ? high[lane + left] : high[lane];
        }
    }
    *least = low[0], *most = high[0];
}
#endif

void PREFIX(quantize_f32)(const eq_quantize_f32 *parameters, const float *restrict in, int8_t *restrict out, size_t n) {
    const eq_quantize_f32 p = *parameters;
    if (p.away) {
        for (size_t i = 0; i < n; ++i) {
            float x = in[i] * p.factor;
            x = x < p.max ? x : p.max;
            x = x > p.min ? x : p.min;
            /* the greatest number below 1/2: so little more does not carry what is below the middle over it */
            out[i] = (int8_t)((int32_t)(x + copysignf(0x1.fffffep-2f, x)) + p.zero);
        }
        return;
    }
    for (size_t i = 0; i < n; ++i) {
        float x = in[i] * p.factor;
        x = x < p.max ? x : p.max;
        x = x > p.min ? x : p.min;
        out[i] = (int8_t)((int32_t)rintf(x) + p.zero);
    }
}
