/* Elementwise functions of float32. */
#include <immintrin.h>

#include "kernels/inline.h"
#include "set.h"

#define PREFIX(name) eq_avx512_##name
#define UNARY_LANES 16
#define RUNS_LOGISTIC
#include "kernels/unary_f32_template.h"

/* 1 / (1 + e^-x) as in arithmetic/functions_f32.h, eight vectors of doubles side by side: a chain of 20 operations for each, of which a
 * CPU sees too few at once where they stand one chain after the other. What is fused here, and not there, changes none of the 2^32
 * results (tests/every_float_test.c). */
enum { LOGISTIC_VECTORS = 4 }; /* of 16 floats, two of doubles */

/* `pairs` vectors of floats, at most LOGISTIC_VECTORS. */
EQ_INLINE void logistic_of(const float *in, float *out, int pairs) {
    const __m512d one = _mm512_set1_pd(1), to_integers = _mm512_set1_pd(0x1.8p52);
    __m512d x[2 * LOGISTIC_VECTORS], shifted[2 * LOGISTIC_VECTORS], rest[2 * LOGISTIC_VECTORS], sum[2 * LOGISTIC_VECTORS];
    const double series[] = {1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1};
#define EACH(count) _Pragma("GCC unroll 8") for (int v = 0; v < (count); v++)
    EACH(pairs) {
        /* Not a number stays: of it VMINPS and VMAXPS give the second operand. */
        const __m512 below = _mm512_min_ps(_mm512_set1_ps(100), _mm512_loadu_ps(in + 16 * v));
        const __m512 bounded = _mm512_max_ps(_mm512_set1_ps(-110), below);
        x[2 * v] = _mm512_cvtps_pd(_mm512_castps512_ps256(bounded));
        x[2 * v + 1] = _mm512_cvtps_pd(_mm512_extractf32x8_ps(bounded, 1));
    }
    EACH(2 * pairs) {
        shifted[v] = _mm512_fnmadd_pd(x[v], _mm512_set1_pd(1.44269504088896340736), to_integers);
        sum[v] = _mm512_sub_pd(shifted[v], to_integers);
    }
    EACH(2 * pairs) {
        rest[v] = _mm512_fnmsub_pd(sum[v], _mm512_set1_pd(EQ_LN2_HIGH), x[v]);
    }
    EACH(2 * pairs) {
        rest[v] = _mm512_fnmadd_pd(sum[v], _mm512_set1_pd(EQ_LN2_LOW), rest[v]);
        sum[v] = _mm512_set1_pd(1.0 / 40320);
    }
    _Pragma("GCC unroll 8") for (int term = 0; term < 8; term++) {
        EACH(2 * pairs) {
            sum[v] = _mm512_fmadd_pd(sum[v], rest[v], _mm512_set1_pd(series[term]));
        }
    }
    EACH(2 * pairs) {
        const __m512i biased = _mm512_add_epi64(_mm512_castpd_si512(shifted[v]), _mm512_set1_epi64(1023));
        sum[v] = _mm512_fmadd_pd(_mm512_castsi512_pd(_mm512_slli_epi64(biased, 52)), sum[v], one);
    }
    EACH(2 * pairs) {
        _mm256_storeu_ps(out + 8 * v, _mm512_cvtpd_ps(_mm512_div_pd(one, sum[v])));
    }
#undef EACH
}

static void run_logistic(const float *in, float *out, size_t vectors) {
    for (; vectors >= LOGISTIC_VECTORS; vectors -= LOGISTIC_VECTORS) {
        logistic_of(in, out, LOGISTIC_VECTORS);
        in += 16 * LOGISTIC_VECTORS, out += 16 * LOGISTIC_VECTORS;
    }
    for (; vectors > 0; vectors--) {
        logistic_of(in, out, 1);
        in += 16, out += 16;
    }
}
