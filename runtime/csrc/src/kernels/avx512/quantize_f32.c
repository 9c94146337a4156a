/* Floats to int8 by their range. */
#include <immintrin.h>

#include "kernels/inline.h"
#include "set.h"

#define PREFIX(name) eq_avx512_##name
#include "kernels/quantize_f32_template.h"

enum { LANES = 16, VECTORS = 4 };

typedef struct range {
    __m512 low, high;
} range;

/* Of a number that is none VMINPS and VMAXPS give the second operand. */
EQ_INLINE range widened(range r, __m512 x) {
    return (range){_mm512_min_ps(x, r.low), _mm512_max_ps(x, r.high)};
}

/* Many groups are so short that to join the lanes takes longest. */
void eq_avx512_range_f32(const float *in, size_t n, float *least, float *most) {
    range parts[VECTORS];
    EQ_UNROLL
    for (int v = 0; v < VECTORS; v++) {
        parts[v] = (range){_mm512_setzero_ps(), _mm512_setzero_ps()};
    }
    size_t i = 0;
    for (; i + VECTORS * LANES <= n; i += VECTORS * LANES) {
        EQ_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            parts[v] = widened(parts[v], _mm512_loadu_ps(in + i + (size_t)v * LANES));
        }
    }
    for (; i < n; i += LANES) {
        const __mmask16 mask = (__mmask16)(n - i >= LANES ? 0xffff : (1u << (n - i)) - 1);
        parts[0] = widened(parts[0], _mm512_maskz_loadu_ps(mask, in + i));
    }
    const __m512 low = _mm512_min_ps(_mm512_min_ps(parts[0].low, parts[1].low), _mm512_min_ps(parts[2].low, parts[3].low));
    const __m512 high = _mm512_max_ps(_mm512_max_ps(parts[0].high, parts[1].high), _mm512_max_ps(parts[2].high, parts[3].high));
    *least = _mm512_reduce_min_ps(low), *most = _mm512_reduce_max_ps(high);
}
