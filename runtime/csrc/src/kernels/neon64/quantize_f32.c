/* Floats to int8 by their range. */
#include "set.h"

#include <arm_neon.h>
#include <math.h>

#include "kernels/inline.h"

enum { VECTORS = 4 }; /* of 4 floats at once */

void eq_neon64_range_f32(const float *in, size_t n, float *least, float *most) {
    float32x4_t low[VECTORS] = {vdupq_n_f32(0)}, high[VECTORS] = {vdupq_n_f32(0)};
    EQ_UNROLL
    for (int v = 1; v < VECTORS; v++) {
        low[v] = high[v] = low[0];
    }
    for (size_t turns = n / (4 * VECTORS); turns > 0; turns--, in += 4 * VECTORS) {
        const float32x4x4_t x = vld1q_f32_x4(in);
        EQ_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            low[v] = vminnmq_f32(low[v], x.val[v]); /* passes over NaN */
            high[v] = vmaxnmq_f32(high[v], x.val[v]);
        }
    }
    n %= 4 * VECTORS;
    for (size_t i = 0; i < n; i += i + 4 <= n ? 4 : 1) {
        const float32x4_t x = i + 4 <= n ? vld1q_f32(in + i) : vld1q_dup_f32(in + i);
        low[0] = vminnmq_f32(low[0], x);
        high[0] = vmaxnmq_f32(high[0], x);
    }
    *least = vminvq_f32(vminq_f32(vminq_f32(low[0], low[1]), vminq_f32(low[2], low[3])));
    *most = vmaxvq_f32(vmaxq_f32(vmaxq_f32(high[0], high[1]), vmaxq_f32(high[2], high[3])));
}

/* `away` is p->away. What would be below `min` is below -128 with the zero point, where the last of the conversions saturates. */
EQ_INLINE int32x4_t round_4(const eq_quantize_f32 *p, float32x4_t x, const bool away) {
    x = vminnmq_f32(vmulq_n_f32(x, p->factor), vdupq_n_f32(p->max));
    return away ? vcvtaq_s32_f32(x) : vcvtnq_s32_f32(x);
}

/* Numbers before they are narrowed to int8; none is beyond int16. */
EQ_INLINE int16x8_t quantize_8(const eq_quantize_f32 *p, float32x4_t low, float32x4_t high, const bool away) {
    const int16x8_t rounded =
        vuzp1q_s16(vreinterpretq_s16_s32(round_4(p, low, away)), vreinterpretq_s16_s32(round_4(p, high, away)));
    return vaddq_s16(rounded, vdupq_n_s16((int16_t)p->zero));
}

EQ_INLINE void quantize(const eq_quantize_f32 *p, const float *in, int8_t *out, size_t n, const bool away) {
    for (size_t turns = n / 16; turns > 0; turns--, in += 16, out += 16) {
        const float32x4x4_t x = vld1q_f32_x4(in);
        const int16x8_t low = quantize_8(p, x.val[0], x.val[1], away);
        const int16x8_t high = quantize_8(p, x.val[2], x.val[3], away);
        vst1q_s8(out, vqmovn_high_s16(vqmovn_s16(low), high));
    }
    if (n % 16 >= 8) {
        vst1_s8(out, vqmovn_s16(quantize_8(p, vld1q_f32(in), vld1q_f32(in + 4), away)));
        in += 8, out += 8;
    }
    for (n %= 8; n > 0; n--, in++, out++) {
        const float32x4_t x = vld1q_dup_f32(in);
        vst1_lane_s8(out, vqmovn_s16(quantize_8(p, x, x, away)), 0);
    }
}

void eq_neon64_quantize_f32(const eq_quantize_f32 *p, const float *in, int8_t *out, size_t n) {
    if (isinf(p->factor)) { /* its products are beyond int16 */
        eq_scalar_quantize_f32(p, in, out, n);
        return;
    }
    const eq_quantize_f32 parameters = *p; /* not behind a pointer that `out` could be the same as */
    if (p->away) {
        quantize(&parameters, in, out, n, true);
    } else {
        quantize(&parameters, in, out, n, false);
    }
}
