/* A table of 256 bytes fills four registers; VPERMI2B looks up 7 bits of an index in two of them. */
#include "kernels/avx512vnni/elements.h"
#include "set.h"

typedef struct byte_table {
    __m512i quarters[4]; /* of in + 128 */
} byte_table;

/* Values from -128 on are the table's lower half. */
EQ_INLINE __m512i lookup64(const byte_table *t, __m512i in) {
    const __m512i lower = _mm512_permutex2var_epi8(t->quarters[0], in, t->quarters[1]);
    const __m512i upper = _mm512_permutex2var_epi8(t->quarters[2], in, t->quarters[3]);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(in), upper, lower);
}

void eq_avx512vbmi_lookup(const int8_t table[256], const int8_t *in, int8_t *out, size_t n) {
    byte_table t;
    for (int i = 0; i < 4; i++) {
        t.quarters[i] = _mm512_loadu_si512(table + 64 * i);
    }
    for (; n >= 64; n -= 64, in += 64, out += 64) {
        _mm512_storeu_si512(out, lookup64(&t, _mm512_loadu_si512(in)));
    }
    const __mmask64 rest = eq_first(n);
    if (n) {
        _mm512_mask_storeu_epi8(out, rest, lookup64(&t, _mm512_maskz_loadu_epi8(rest, in)));
    }
}
