/* Depthwise convolutions of dynamic range. */
#include "arithmetic/arithmetic.h"
#include "set.h"

static int32_t window_sum(const eq_depthwise_dynamic *d, const int8_t *in, int32_t c, int32_t zero_point) {
    const int8_t *weights = d->weights + c;
    int32_t sum = 0;
    for (int32_t y = 0; y < d->height; y++) {
        for (int32_t x = 0; x < d->width; x++, weights += d->channels) {
            const int32_t value = in[y * d->tap_row + x * d->tap_column + c] - zero_point;
            sum = eq_add_wrapping(sum, *weights * value);
        }
    }
    return sum;
}

static float *run_row(const eq_depthwise_dynamic *d, const int8_t *in, eq_dynamic_scale scale, float *out) {
    for (int32_t x = 0; x < d->out_width; x++, in += d->in_column) {
        for (int32_t c = 0; c < d->channels; c++) {
            const float scaled = (float)window_sum(d, in, c, scale.zero_point) * d->scale[c];
            const float product = scaled * scale.scale;
            float y = product + d->bias[c];
            y = y <= d->min ? d->min : y;
            *out++ = y >= d->max ? d->max : y;
        }
    }
    return out;
}

void eq_scalar_depthwise_dynamic(const eq_depthwise_dynamic *d, const int8_t *in, eq_dynamic_scale scale, float *out,
                                 int32_t rows) {
    for (; rows > 0; rows--, in += d->in_row) {
        out = run_row(d, in, scale, out);
    }
}
