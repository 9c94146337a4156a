/* Depthwise convolutions of dynamic range: 16 channels at once, whose weights are int16 in lanes of 32 bits, so that VPMADDWD multiplies
 * them by inputs that are sign-extended. The zero point is taken out of a sum at its end. */
#include <immintrin.h>

#include "kernels/inline.h"
#include "set.h"

enum { LANES = 16, PIXELS = 4, MOST_TAPS = 128 };

/* 16 channels. */
typedef struct channels {
    __m512i weights[MOST_TAPS], sum; /* the sum of the weights times the zero point */
    ptrdiff_t offsets[MOST_TAPS];
    __m512 scale, bias, in_scale, min, max;
    int32_t taps;
    __mmask16 mask; /* which there are */
} channels;

static void load_channels(channels *c, const eq_depthwise_dynamic *d, eq_dynamic_scale scale, int32_t first) {
    const int32_t left = d->channels - first;
    const int8_t *weights = d->weights + first;
    __m512i sum = _mm512_setzero_si512();
    c->mask = (__mmask16)(left >= LANES ? 0xffff : (1u << left) - 1);
    for (int32_t tap = 0; tap < c->taps; tap++, weights += d->channels) {
        const __m512i w = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(c->mask, weights));
        sum = _mm512_add_epi32(sum, w);
        c->weights[tap] = _mm512_and_si512(w, _mm512_set1_epi32(0xffff)); /* nothing to multiply the sign's half by */
    }
    c->sum = _mm512_mullo_epi32(sum, _mm512_set1_epi32(scale.zero_point));
    c->scale = _mm512_maskz_loadu_ps(c->mask, d->scale + first);
    c->bias = _mm512_maskz_loadu_ps(c->mask, d->bias + first);
    c->in_scale = _mm512_set1_ps(scale.scale);
    c->min = _mm512_set1_ps(d->min), c->max = _mm512_set1_ps(d->max);
}

/* `pixels` adjacent outputs (a constant). */
EQ_INLINE void run_pixels(const eq_depthwise_dynamic *d, const channels *c, const int8_t *in, float *out, const int pixels) {
    __m512i sums[PIXELS];
    EQ_UNROLL
    for (int p = 0; p < pixels; p++) {
        sums[p] = _mm512_setzero_si512();
    }
    for (int32_t tap = 0; tap < c->taps; tap++) {
        EQ_UNROLL
        for (int p = 0; p < pixels; p++) {
            const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(in + c->offsets[tap] + p * d->in_column));
            sums[p] = _mm512_add_epi32(sums[p], _mm512_madd_epi16(_mm512_cvtepi8_epi32(bytes), c->weights[tap]));
        }
    }
    EQ_UNROLL
    for (int p = 0; p < pixels; p++) {
        const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sums[p], c->sum)), c->scale);
        __m512 x = _mm512_add_ps(_mm512_mul_ps(scaled, c->in_scale), c->bias);
        x = _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(x, c->min, _CMP_LE_OQ), c->min);
        x = _mm512_min_ps(c->max, x); /* NaN stays: of it VMINPS gives the second operand */
        _mm512_mask_storeu_ps(out + p * d->channels, c->mask, x);
    }
}

void eq_avx512_depthwise_dynamic(const eq_depthwise_dynamic *d, const int8_t *in, eq_dynamic_scale scale, float *out,
                                 int32_t rows) {
    channels c = {.taps = d->height * d->width};
    if (c.taps > MOST_TAPS) {
        eq_scalar_depthwise_dynamic(d, in, scale, out, rows);
        return;
    }
    for (int32_t tap = 0; tap < c.taps; tap++) {
        c.offsets[tap] = tap / d->width * d->tap_row + tap % d->width * d->tap_column;
    }
    for (int32_t first = 0; first < d->channels; first += LANES) {
        load_channels(&c, d, scale, first);
        const int8_t *row = in + first;
        float *to = out + first;
        for (int32_t y = 0; y < rows; y++, row += d->in_row) {
            const int8_t *from = row;
            int32_t x = 0;
            for (; x <= d->out_width - PIXELS; x += PIXELS, from += PIXELS * d->in_column, to += PIXELS * d->channels) {
                run_pixels(d, &c, from, to, PIXELS);
            }
            for (; x < d->out_width; x++, from += d->in_column, to += d->channels) {
                run_pixels(d, &c, from, to, 1);
            }
        }
    }
}
