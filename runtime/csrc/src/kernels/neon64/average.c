/* Means of windows, by a float division that is exact up to a count of 2^15: |sum| + count / 2 < 2^24 is a float, and a
 * quotient that is not an integer is at least 2^-15 below the next one, while rounding moves one under 256 by at most 2^-17. */
#include "kernels/neon/elements.h"
#include "set.h"

typedef struct division {
    float32x4_t count;
    int32x4_t half;
    eq_int8_range range;
} division;

EQ_INLINE int32x4_t average4(const division *d, int32x4_t sum) {
    const float32x4_t size = vcvtq_f32_s32(vaddq_s32(vabsq_s32(sum), d->half));
    const int32x4_t quotient = vcvtq_s32_f32(vdivq_f32(size, d->count)), sign = vshrq_n_s32(sum, 31);
    return vsubq_s32(veorq_s32(quotient, sign), sign);
}

EQ_INLINE int8x16_t average16(const division *d, const int32_t *sums) {
    const int32x4_t a = average4(d, vld1q_s32(sums)), b = average4(d, vld1q_s32(sums + 4));
    const int32x4_t c = average4(d, vld1q_s32(sums + 8)), e = average4(d, vld1q_s32(sums + 12));
    return eq_to_int8(&d->range, vcombine_s16(vmovn_s32(a), vmovn_s32(b)), vcombine_s16(vmovn_s32(c), vmovn_s32(e)));
}

void eq_neon64_average(const int32_t *sums, int32_t count, int32_t shift, int32_t min, int32_t max, int8_t *out, size_t n) {
    if (count > 1 << 15) {
        eq_scalar_average(sums, count, shift, min, max, out, n);
        return;
    }
    const division d = {vdupq_n_f32((float)count), vdupq_n_s32(count / 2), eq_int8_range_of(-shift, min, max)};
    for (; n >= 16; n -= 16, sums += 16, out += 16) {
        vst1q_s8(out, average16(&d, sums));
    }
    if (n == 0) {
        return;
    }
    int32_t part[16] = {0};
    memcpy(part, sums, n * sizeof *part);
    eq_store_part(out, average16(&d, part), n);
}
