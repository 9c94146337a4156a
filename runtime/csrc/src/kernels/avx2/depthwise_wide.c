/* Depthwise convolution with weights of 16 bits: VPMADDWD sums two taps of a channel. */
#include "elements.h"
#include "requantize.h"
#include "set.h"

typedef struct sums {
    __m256i even, odd; /* of channels 0 to 3 and 8 to 11, and of the other eight */
} sums;

EQ_INLINE __m256i even_of(__m256i first, __m256i second) {
    return _mm256_permute2x128_si256(first, second, 0x20);
}

EQ_INLINE __m256i odd_of(__m256i first, __m256i second) {
    return _mm256_permute2x128_si256(first, second, 0x31);
}

EQ_INLINE __m256i load_values(const int8_t *from) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)from));
}

EQ_INLINE void add_taps(const eq_depthwise_wide *d, const int8_t *in, const ptrdiff_t taps[2], __m256i w0, __m256i w1,
                        sums *all, const int columns) {
    const __m256i low = _mm256_unpacklo_epi16(w0, w1), high = _mm256_unpackhi_epi16(w0, w1);
    EQ_UNROLL
    for (int x = 0; x < columns; x++) {
        const int8_t *window = in + x * d->in_column;
        const __m256i first = load_values(window + taps[0]), second = load_values(window + taps[1]);
        all[x].even = _mm256_add_epi32(all[x].even, _mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), low));
        all[x].odd = _mm256_add_epi32(all[x].odd, _mm256_madd_epi16(_mm256_unpackhi_epi16(first, second), high));
    }
}

EQ_INLINE void store(const requantization *to, const sums *s, __m256 even, __m256 odd, int8_t *out) {
    const __m256i halves = _mm256_packs_epi32(scaled(s->even, even, to, false), scaled(s->odd, odd, to, false));
    const __m256i shifted = _mm256_adds_epi16(halves, to->zero_point);
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(shifted, shifted), 0x08);
    const __m256i clamped = _mm256_min_epi8(_mm256_max_epi8(bytes, to->min), to->max);
    _mm_storeu_si128((__m128i *)(void *)out, _mm256_castsi256_si128(clamped));
}

/* 16 channels of one or two neighbouring outputs. */
EQ_INLINE void run_lanes(const eq_depthwise_wide *d, const requantization *to, const int8_t *in, int32_t c, int8_t *out,
                         const int columns) {
    const int16_t *weights = d->weights + c;
    const __m256i bias = eq_load(d->bias + c), next_bias = eq_load(d->bias + c + 8);
    sums all[2];
    all[0] = all[1] = (sums){even_of(bias, next_bias), odd_of(bias, next_bias)};
    int32_t tap = 0;
    for (; tap + 2 <= d->taps; tap += 2, weights += 2 * (ptrdiff_t)d->channels) {
        add_taps(d, in + c, d->tap_offsets + tap, eq_load(weights), eq_load(weights + d->channels), all, columns);
    }
    if (tap < d->taps) {
        const ptrdiff_t last[2] = {d->tap_offsets[tap], d->tap_offsets[tap]};
        add_taps(d, in + c, last, eq_load(weights), _mm256_setzero_si256(), all, columns);
    }
    const __m256i first = eq_load(d->scale + c), second = eq_load(d->scale + c + 8);
    const __m256 even = _mm256_castsi256_ps(even_of(first, second)), odd = _mm256_castsi256_ps(odd_of(first, second));
    EQ_UNROLL
    for (int x = 0; x < columns; x++) {
        store(to, &all[x], even, odd, out + x * (ptrdiff_t)d->channels + c);
    }
}

void eq_avx2_depthwise_wide(const eq_depthwise_wide *d, const int8_t *in, int8_t *out, int32_t columns) {
    const requantization to = requantization_to(d->zero_point, d->min, d->max);
    const int32_t last = d->channels - EQ_DEPTHWISE_WIDE_CHANNELS;
    for (int32_t x = 0; x < columns; x += 2, in += 2 * d->in_column, out += 2 * (ptrdiff_t)d->channels) {
        for (int32_t c = 0; c < d->channels; c += EQ_DEPTHWISE_WIDE_CHANNELS) { /* the last ones may be computed twice */
            if (x + 1 < columns) {
                run_lanes(d, &to, in, c < last ? c : last, out, 2);
            } else {
                run_lanes(d, &to, in, c < last ? c : last, out, 1);
            }
        }
    }
}
