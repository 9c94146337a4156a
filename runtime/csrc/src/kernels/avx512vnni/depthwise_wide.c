/* Depthwise convolution with weights of 16 bits: VPDPWSSD adds two taps of a channel. */
#include "requantize.h"
#include "set.h"

typedef __m512i lanes;
typedef __m512 scales;
enum { CHANNELS = 32, COLUMNS = 4 };

#define load(p) _mm512_loadu_si512(p)
#define low(a, b) _mm512_unpacklo_epi16(a, b)
#define high(a, b) _mm512_unpackhi_epi16(a, b)
#define even_of(a, b) _mm512_shuffle_i32x4(a, b, _MM_SHUFFLE(2, 0, 2, 0))
#define odd_of(a, b) _mm512_shuffle_i32x4(a, b, _MM_SHUFFLE(3, 1, 3, 1))
#define dot(sum, pairs, weights) _mm512_dpwssd_epi32(sum, pairs, weights)

EQ_INLINE lanes load_values(const int8_t *from) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)from));
}

#include "kernels/avx2/depthwise_wide_template.h"

EQ_INLINE void store_sums(const requantization *to, const sums *s, scales even, scales odd, int8_t *out) {
    const __m512i halves = _mm512_packs_epi32(scaled(s->even, even, to, true), scaled(s->odd, odd, to, true));
    const __m256i bytes = _mm512_cvtsepi16_epi8(_mm512_adds_epi16(halves, to->zero_point));
    const __m256i least = _mm512_castsi512_si256(to->min), most = _mm512_castsi512_si256(to->max);
    _mm256_storeu_si256((__m256i *)(void *)out, _mm256_min_epi8(_mm256_max_epi8(bytes, least), most));
}

void eq_avx512vnni_depthwise_wide(const eq_depthwise_wide *d, const int8_t *in, int8_t *out, int32_t columns) {
    if (d->channels < CHANNELS) {
        eq_avx2_depthwise_wide(d, in, out, columns);
    } else {
        run_channels(d, in, out, columns);
    }
}
