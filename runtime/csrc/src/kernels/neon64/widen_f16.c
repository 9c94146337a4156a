#include <arm_neon.h>

#include "arithmetic/half.h"

#include "set.h"

void eq_neon64_widen_f16(const uint16_t *in, float *out, size_t n) {
    for (; n >= 8; n -= 8, in += 8, out += 8) {
        const float16x8_t x = vreinterpretq_f16_u16(vld1q_u16(in));
        vst1q_f32(out, vcvt_f32_f16(vget_low_f16(x)));
        vst1q_f32(out + 4, vcvt_high_f32_f16(x));
    }
    eq_scalar_widen_f16(in, out, n);
}

void eq_neon64_narrow_f16(const float *in, uint16_t *out, size_t n) {
    for (; n >= 8; n -= 8, in += 8, out += 8) {
        vst1q_u16(out, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(vld1q_f32(in)), vld1q_f32(in + 4))));
    }
    eq_scalar_narrow_f16(in, out, n);
}
