/* Depthwise convolution with weights of 16 bits: VPMADDWD sums two taps of a channel. */
#include "elements.h"
#include "requantize.h"
#include "set.h"

typedef __m256i lanes;
typedef __m256 scales;
enum { CHANNELS = 16, COLUMNS = 2 };
_Static_assert((int)CHANNELS == EQ_DEPTHWISE_WIDE_CHANNELS, "a layer has as many channels at least");

#define load(p) eq_load(p)
#define low(a, b) _mm256_unpacklo_epi16(a, b)
#define high(a, b) _mm256_unpackhi_epi16(a, b)
#define even_of(a, b) _mm256_permute2x128_si256(a, b, 0x20)
#define odd_of(a, b) _mm256_permute2x128_si256(a, b, 0x31)
#define dot(sum, pairs, weights) _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, weights))

EQ_INLINE lanes load_values(const int8_t *from) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)from));
}

#include "depthwise_wide_template.h"

EQ_INLINE void store_sums(const requantization *to, const sums *s, scales even, scales odd, int8_t *out) {
    const __m256i halves = _mm256_packs_epi32(scaled(s->even, even, to, false), scaled(s->odd, odd, to, false));
    const __m256i shifted = _mm256_adds_epi16(halves, to->zero_point);
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(shifted, shifted), 0x08);
    const __m256i clamped = _mm256_min_epi8(_mm256_max_epi8(bytes, to->min), to->max);
    _mm_storeu_si128((__m128i *)(void *)out, _mm256_castsi256_si128(clamped));
}

void eq_avx2_depthwise_wide(const eq_depthwise_wide *d, const int8_t *in, int8_t *out, int32_t columns) {
    run_channels(d, in, out, columns);
}
