/* Plain loops over as many channels as turn into vector code. */
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "set.h"

static void run_lanes(const eq_depthwise_wide *d, const int8_t *in, int32_t first, int8_t *out) {
    enum { LANES = EQ_DEPTHWISE_WIDE_CHANNELS };
    const int16_t *weights = d->weights + first;
    int32_t sums[LANES];
    float scale[LANES];
    int8_t results[LANES]; /* `out` could be anywhere */
    memcpy(sums, d->bias + first, sizeof sums);
    memcpy(scale, d->scale + first, sizeof scale);
    for (int32_t tap = 0; tap < d->taps; ++tap, weights += d->channels) {
        int16_t factors[LANES];
        int8_t values[LANES];
        memcpy(factors, weights, sizeof factors);
        memcpy(values, in + d->tap_offsets[tap] + first, sizeof values);
        for (int32_t i = 0; i < LANES; ++i) {
            sums[i] = eq_add_wrapping(sums[i], factors[i] * values[i]);
        }
    }
    for (int32_t i = 0; i < LANES; ++i) {
        results[i] = eq_requantize(sums[i], scale[i], d->zero_point, d->min, d->max);
    }
    memcpy(out + first, results, sizeof results);
}

void eq_scalar_depthwise_wide(const eq_depthwise_wide *d, const int8_t *in, int8_t *out, int32_t columns) {
    const int32_t last = d->channels - EQ_DEPTHWISE_WIDE_CHANNELS;
    for (int32_t x = 0; x < columns; ++x, in += d->in_column, out += d->channels) {
        for (int32_t c = 0; c < d->channels; c += EQ_DEPTHWISE_WIDE_CHANNELS) { /* the last ones may be computed twice */
            run_lanes(d, in, c < last ? c : last, out);
        }
    }
}
