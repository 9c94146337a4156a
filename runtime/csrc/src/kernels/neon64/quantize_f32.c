/* Floats to int8 by their range. */
#include "set.h"

#include <arm_neon.h>

#include "kernels/inline.h"

enum { VECTORS = 4 }; /* of 4 floats at once */

void eq_neon64_range_f32(const float *in, size_t n, float *least, float *most) {
    float32x4_t low[VECTORS] = {vdupq_n_f32(0)}, high[VECTORS] = {vdupq_n_f32(0)};
    EQ_UNROLL
    for (int v = 1; v < VECTORS; v++) {
        low[v] = high[v] = low[0];
    }
    size_t i = 0;
    for (; i + 4 * VECTORS <= n; i += 4 * VECTORS) {
        EQ_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            const float32x4_t x = vld1q_f32(in + i + 4 * v);
            low[v] = vminnmq_f32(low[v], x); /* passes over NaN */
            high[v] = vmaxnmq_f32(high[v], x);
        }
    }
    for (; i < n; i += i + 4 <= n ? 4 : 1) {
        const float32x4_t x = i + 4 <= n ? vld1q_f32(in + i) : vld1q_dup_f32(in + i);
        low[0] = vminnmq_f32(low[0], x);
        high[0] = vmaxnmq_f32(high[0], x);
    }
    *least = vminvq_f32(vminq_f32(vminq_f32(low[0], low[1]), vminq_f32(low[2], low[3])));
    *most = vmaxvq_f32(vmaxq_f32(vmaxq_f32(high[0], high[1]), vmaxq_f32(high[2], high[3])));
}

/* `away` is p->away. To even, `min` is -128 less the zero point, at which the last of the conversions saturates. */
EQ_INLINE int32x4_t round_4(const eq_quantize_f32 *p, float32x4_t x, const bool away) {
    x = vmulq_n_f32(x, p->factor);
    if (!away) {
        return vcvtnq_s32_f32(vminnmq_f32(x, vdupq_n_f32(p->max)));
    }
    return vcvtaq_s32_f32(vmaxq_f32(vminnmq_f32(x, vdupq_n_f32(p->max)), vdupq_n_f32(p->min)));
}

EQ_INLINE int16x8_t quantize_8(const eq_quantize_f32 *p, const float *in, const bool away) {
    const int16x4_t low = vqmovn_s32(round_4(p, vld1q_f32(in), away));
    return vqaddq_s16(vqmovn_high_s32(low, round_4(p, vld1q_f32(in + 4), away)), vdupq_n_s16((int16_t)p->zero));
}

EQ_INLINE void quantize(const eq_quantize_f32 *p, const float *in, int8_t *out, size_t n, const bool away) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const int16x8_t low = quantize_8(p, in + i, away), high = quantize_8(p, in + i + 8, away);
        vst1q_s8(out + i, vqmovn_high_s16(vqmovn_s16(low), high));
    }
    if (i + 8 <= n) {
        vst1_s8(out + i, vqmovn_s16(quantize_8(p, in + i, away)));
        i += 8;
    }
    for (; i < n; i++) {
        const int32_t x = vgetq_lane_s32(round_4(p, vld1q_dup_f32(in + i), away), 0);
        out[i] = (int8_t)((x > -128 - p->zero ? x : -128 - p->zero) + p->zero);
    }
}

void eq_neon64_quantize_f32(const eq_quantize_f32 *p, const float *in, int8_t *out, size_t n) {
    const eq_quantize_f32 parameters = *p; /* not behind a pointer that `out` could be the same as */
    if (p->away) {
        quantize(&parameters, in, out, n, true);
    } else {
        quantize(&parameters, in, out, n, false);
    }
}
