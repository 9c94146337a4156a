/* The larger or the smaller of two values, and the largest of a channel. */
#include "elements.h"
#include "set.h"

void eq_neon_maximum(const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    for (; n >= 16; n -= 16, a += 16, b += 16, out += 16) {
        vst1q_s8(out, vmaxq_s8(vld1q_s8(a), vld1q_s8(b)));
    }
    if (n) {
        eq_store_part(out, vmaxq_s8(eq_load_part(a, n), eq_load_part(b, n)), n);
    }
}

void eq_neon_minimum(const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    for (; n >= 16; n -= 16, a += 16, b += 16, out += 16) {
        vst1q_s8(out, vminq_s8(vld1q_s8(a), vld1q_s8(b)));
    }
    if (n) {
        eq_store_part(out, vminq_s8(eq_load_part(a, n), eq_load_part(b, n)), n);
    }
}

/* 16 channels of all rows, the next 16, and a last part. */
void eq_neon_max_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int8_t *out) {
    for (; channels >= 16; channels -= 16, in += 16, out += 16) {
        int8x16_t most = vld1q_s8(out);
        for (int32_t r = 0; r < rows; r++) {
            most = vmaxq_s8(most, vld1q_s8(in + r * stride));
        }
        vst1q_s8(out, most);
    }
    if (channels == 0) {
        return;
    }
    const size_t n = (size_t)channels;
    int8x16_t most = eq_load_part(out, n);
    for (int32_t r = 0; r < rows; r++) {
        most = vmaxq_s8(most, eq_load_part(in + r * stride, n));
    }
    eq_store_part(out, most, n);
}
