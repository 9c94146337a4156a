/* A table of 256 bytes in 16 parts, looked up 32 values at a time.
 *
 * VPSHUFB takes the low 4 bits of an index, and gives 0 where its top bit is set. Index i - 16 * k has its top bit clear for the
 * parts k = 0 to i / 16 if i < 128: part k holds its difference from part k - 1 (by exclusive or), so that the sum of what the
 * parts give is the entry. Indices from 128 on have nothing from part 0 until the top bit clears; the same holds for them, in
 * the upper half of the table, once the subtraction saturates. */
#include "elements.h"
#include "set.h"

typedef struct byte_table {
    __m256i parts[16];
} byte_table;

EQ_INLINE byte_table table_of(const int8_t table[256]) {
    byte_table t;
    for (int k = 0; k < 16; k++) {
        t.parts[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(table + 16 * k)));
    }
    for (int k = 15; k > 0; k--) {
        if (k != 8) {
            t.parts[k] = _mm256_xor_si256(t.parts[k], t.parts[k - 1]);
        }
    }
    return t;
}

/* Half of the table for indices whose top bit is clear; 0 for the others. */
EQ_INLINE __m256i lookup_half(const __m256i parts[8], __m256i index) {
    __m256i values = _mm256_shuffle_epi8(parts[0], index);
    for (int k = 1; k < 8; k++) {
        index = _mm256_subs_epi8(index, _mm256_set1_epi8(16));
        values = _mm256_xor_si256(values, _mm256_shuffle_epi8(parts[k], index));
    }
    return values;
}

/* Values from -128 on are the table's lower half. */
EQ_INLINE __m256i lookup32(const byte_table *t, __m256i in) {
    const __m256i lower = lookup_half(t->parts, _mm256_xor_si256(in, _mm256_set1_epi8(-128)));
    return _mm256_xor_si256(lower, lookup_half(t->parts + 8, in));
}

void eq_avx2_lookup(const int8_t table[256], const int8_t *in, int8_t *out, size_t n) {
    const byte_table t = table_of(table);
    for (; n >= 32; n -= 32, in += 32, out += 32) {
        eq_store(out, lookup32(&t, eq_load(in)));
    }
    if (n) {
        eq_store_part(out, lookup32(&t, eq_load_part(in, n)), n);
    }
}
