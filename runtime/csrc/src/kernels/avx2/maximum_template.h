/* The larger or the smaller of two values, and the largest of a channel, for sets whose folder includes this with EQ_NAMED(name), which
 * makes their names of functions. */
#include "elements.h"

void EQ_NAMED(maximum)(const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    for (; n >= 32; n -= 32, a += 32, b += 32, out += 32) {
        eq_store(out, _mm256_max_epi8(eq_load(a), eq_load(b)));
    }
    if (n) {
        eq_store_part(out, _mm256_max_epi8(eq_load_part(a, n), eq_load_part(b, n)), n);
    }
}

void EQ_NAMED(minimum)(const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    for (; n >= 32; n -= 32, a += 32, b += 32, out += 32) {
        eq_store(out, _mm256_min_epi8(eq_load(a), eq_load(b)));
    }
    if (n) {
        eq_store_part(out, _mm256_min_epi8(eq_load_part(a, n), eq_load_part(b, n)), n);
    }
}

/* 32 channels of all rows, the next 32, and a last part. */
void EQ_NAMED(max_rows)(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int8_t *out) {
    for (; channels >= 32; channels -= 32, in += 32, out += 32) {
        __m256i most = eq_load(out);
        for (int32_t r = 0; r < rows; r++) {
            most = _mm256_max_epi8(most, eq_load(in + r * stride));
        }
        eq_store(out, most);
    }
    if (channels == 0) {
        return;
    }
    const size_t n = (size_t)channels;
    __m256i most = eq_load_part(out, n);
    for (int32_t r = 0; r < rows; r++) {
        most = _mm256_max_epi8(most, eq_load_part(in + r * stride, n));
    }
    eq_store_part(out, most, n);
}
