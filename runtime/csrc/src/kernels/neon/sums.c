/* Sums over the rows of a tensor, and what becomes of them. */
#include "elements.h"
#include "set.h"

enum { ROWS_OF_INT16 = 255 }; /* whose sums fit 16 bits */

typedef struct sums16 {
    int16x8_t low, high;
} sums16;

EQ_INLINE sums16 add_row(sums16 sums, int8x16_t row) {
    return (sums16){vaddw_s8(sums.low, vget_low_s8(row)), vaddw_s8(sums.high, vget_high_s8(row))};
}

EQ_INLINE void add_to(int32_t *sums, sums16 s) {
    vst1q_s32(sums, vaddw_s16(vld1q_s32(sums), vget_low_s16(s.low)));
    vst1q_s32(sums + 4, vaddw_s16(vld1q_s32(sums + 4), vget_high_s16(s.low)));
    vst1q_s32(sums + 8, vaddw_s16(vld1q_s32(sums + 8), vget_low_s16(s.high)));
    vst1q_s32(sums + 12, vaddw_s16(vld1q_s32(sums + 12), vget_high_s16(s.high)));
}

static void sum_channels(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int32_t *sums) {
    for (; channels >= 16; channels -= 16, in += 16, sums += 16) {
        sums16 s = {vdupq_n_s16(0), vdupq_n_s16(0)};
        for (int32_t r = 0; r < rows; r++) {
            s = add_row(s, vld1q_s8(in + r * stride));
        }
        add_to(sums, s);
    }
    if (channels == 0) {
        return;
    }
    const size_t n = (size_t)channels;
    sums16 s = {vdupq_n_s16(0), vdupq_n_s16(0)};
    for (int32_t r = 0; r < rows; r++) {
        s = add_row(s, eq_load_part(in + r * stride, n));
    }
    int32_t part[16] = {0};
    add_to(part, s);
    for (size_t c = 0; c < n; c++) {
        sums[c] += part[c];
    }
}

void eq_neon_sum_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int32_t *sums) {
    for (; rows > 0; rows -= ROWS_OF_INT16, in += ROWS_OF_INT16 * stride) {
        sum_channels(in, stride, rows < ROWS_OF_INT16 ? rows : ROWS_OF_INT16, channels, sums);
    }
}

EQ_INLINE float32x4_t scale4(const int32_t *sums, float32x4_t scale, float32x4_t offset) {
    return vaddq_f32(vmulq_f32(vcvtq_f32_s32(vld1q_s32(sums)), scale), offset);
}

EQ_INLINE int8x16_t scale16(const int32_t *sums, float32x4_t scale, float32x4_t offset) {
    const int16x8_t low = eq_round_saturated(scale4(sums, scale, offset), scale4(sums + 4, scale, offset));
    const int16x8_t high = eq_round_saturated(scale4(sums + 8, scale, offset), scale4(sums + 12, scale, offset));
    return vcombine_s8(vqmovn_s16(low), vqmovn_s16(high));
}

void eq_neon_scale_sums(const int32_t *sums, float scale, float offset, int8_t *out, size_t n) {
    const float32x4_t scales = vdupq_n_f32(scale), offsets = vdupq_n_f32(offset);
    for (; n >= 16; n -= 16, sums += 16, out += 16) {
        vst1q_s8(out, scale16(sums, scales, offsets));
    }
    if (n == 0) {
        return;
    }
    int32_t part[16] = {0};
    memcpy(part, sums, n * sizeof *part);
    eq_store_part(out, scale16(part, scales, offsets), n);
}

/* ---- rescale ---- */

typedef struct fixed_scale {
    int32x4_t left, right; /* shifts, to the left both */
    int32x4_t multiplier, zero_point;
} fixed_scale;

EQ_INLINE fixed_scale fixed_scale_of(eq_fixed factor, int32_t zero_point) {
    return (fixed_scale){vdupq_n_s32(eq_clamp(factor.shift, 0, 30)), vdupq_n_s32(-eq_clamp(-factor.shift, 0, 31)),
                         vdupq_n_s32(factor.multiplier), vdupq_n_s32(zero_point)};
}

EQ_INLINE int32x4_t fixed4(const fixed_scale *s, int32x4_t acc) {
    const int32x4_t x = vqrdmulhq_s32(vshlq_s32(acc, s->left), s->multiplier);
    const int32x4_t away = vshrq_n_s32(vandq_s32(x, s->right), 31); /* VRSHL has ties up: -1 where x < 0 and is shifted */
    return vrshlq_s32(vqaddq_s32(x, away), s->right);
}

EQ_INLINE int32x4_t rescale4(const fixed_scale *s, const int32_t *acc) {
    return vaddq_s32(fixed4(s, vld1q_s32(acc)), s->zero_point);
}

EQ_INLINE int16x8_t rescale8(const fixed_scale *s, const int32_t *acc) {
    return vcombine_s16(vqmovn_s32(rescale4(s, acc)), vqmovn_s32(rescale4(s, acc + 4)));
}

void eq_neon_rescale(const eq_rescale *p, const int32_t *acc, int8_t *out, size_t n) {
    const fixed_scale s = fixed_scale_of(p->factor, p->zero_point);
    const eq_int8_range range = eq_int8_range_of(0, p->min, p->max);
    for (; n >= 16; n -= 16, acc += 16, out += 16) {
        vst1q_s8(out, eq_to_int8(&range, rescale8(&s, acc), rescale8(&s, acc + 8)));
    }
    if (n == 0) {
        return;
    }
    int32_t part[16] = {0};
    memcpy(part, acc, n * sizeof *part);
    eq_store_part(out, eq_to_int8(&range, rescale8(&s, part), rescale8(&s, part + 8)), n);
}

void eq_neon_add_fixed(eq_fixed factor, const int32_t *acc, const int32_t *bias, int16_t *sums, size_t n) {
    const fixed_scale s = fixed_scale_of(factor, 0);
    for (; n > 0; n -= 4, acc += 4, bias += 4, sums += 4) {
        const int32x4_t x = fixed4(&s, vaddq_s32(vld1q_s32(acc), vld1q_s32(bias)));
        vst1_s16(sums, vqmovn_s32(vqaddq_s32(x, vmovl_s16(vld1_s16(sums)))));
    }
}
