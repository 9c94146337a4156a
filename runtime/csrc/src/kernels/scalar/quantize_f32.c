/* Floats to int8 by their range. */
#include <math.h>

#include "arithmetic/arithmetic.h"
#include "set.h"

void eq_scalar_range_f32(const float *in, size_t n, float *least, float *most) {
    enum { LANES = 8 }; /* so many chains turn into vector code, and the order of comparisons does not matter */
    float low[LANES] = {0}, high[LANES] = {0};
    for (size_t i = 0; i < n / LANES * LANES; i += LANES) {
        for (size_t lane = 0; lane < LANES; ++lane) {
            const float x = in[i + lane];
            low[lane] = x < low[lane] ? x : low[lane];
            high[lane] = x > high[lane] ? x : high[lane];
        }
    }
    for (size_t i = n / LANES * LANES; i < n; ++i) {
        low[0] = in[i] < low[0] ? in[i] : low[0];
        high[0] = in[i] > high[0] ? in[i] : high[0];
    }
    *least = low[0], *most = high[0];
    for (size_t lane = 1; lane < LANES; ++lane) {
        *least = low[lane] < *least ? low[lane] : *least;
        *most = high[lane] > *most ? high[lane] : *most;
    }
}

void eq_scalar_quantize_f32(const eq_quantize_f32 *p, const float *in, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        float x = in[i] * p->factor;
        x = x < p->max ? x : p->max;
        x = x > p->min ? x : p->min;
        out[i] = (int8_t)((p->away ? (int32_t)roundf(x) : eq_round(x)) + p->zero);
    }
}
