/* Depthwise convolution, the specification. Packed: bias (channels), scale (channels), weights (height, width, channels). */
#include "set.h"

#include "arithmetic/arithmetic.h"

static size_t weight_bytes(const eq_depthwise_weights *w) {
    return (size_t)w->height * (size_t)w->width * (size_t)w->channels;
}

size_t eq_scalar_depthwise_packed_bytes(const eq_depthwise_weights *w) {
    return (size_t)w->channels * (sizeof(int32_t) + sizeof(float)) + weight_bytes(w);
}

void eq_scalar_depthwise_pack(const eq_depthwise_weights *w, void *packed) {
    int32_t *bias = packed;
    float *scale = (float *)(bias + w->channels);
    memcpy(bias, w->bias, (size_t)w->channels * sizeof *bias);
    memcpy(scale, w->scale, (size_t)w->channels * sizeof *scale);
    memcpy(scale + w->channels, w->weights, weight_bytes(w));
}

/* One output value; `in` and `weights` point at channel c of the window's first tap. */
static int32_t window_sum(const eq_depthwise *d, const int8_t *weights, const int8_t *in, int32_t acc) {
    for (int32_t y = 0; y < d->height; y++) {
        for (int32_t x = 0; x < d->width; x++) {
            acc = eq_add_wrapping(acc, *weights * in[y * d->tap_row + x * d->tap_column]);
            weights += d->channels;
        }
    }
    return acc;
}

void eq_scalar_depthwise_run(const eq_depthwise *d, const int8_t *in, int8_t *out, int32_t rows) {
    const int32_t *bias = d->packed;
    const float *scale = (const float *)(bias + d->channels);
    const int8_t *weights = (const int8_t *)(scale + d->channels);

    for (int32_t row = 0; row < rows; row++) {
        for (int32_t column = 0; column < d->out_width; column++) {
            const int8_t *window = in + row * d->in_row + column * d->in_column;
            int8_t *pixel = out + row * d->out_row + (ptrdiff_t)column * d->channels;
            for (int32_t c = 0; c < d->channels; c++) {
                int32_t acc = window_sum(d, weights + c, window + c, bias[c]);
                pixel[c] = eq_requantize(acc, scale[c], d->zero_point, d->min, d->max);
            }
        }
    }
}
