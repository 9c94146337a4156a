/* The gates of LiteRT's quantized LSTM, eight values at once: VQRDMULH is gemmlowp's fixed-point product. arithmetic/fixed_gates.c says what
 * each step is; what saturates there and cannot saturate, for any int16, wraps here. */
#include "elements.h"
#include "set.h"

enum { FACTORS = 7, LANES = 8 };

typedef struct format {
    int16x8_t bits[FACTORS]; /* of what is beyond a quarter, from half of a half on; 0 where the format has none */
    int16x8_t quarter, least, to_q15;
} format;

EQ_INLINE format format_of(int32_t integer_bits) {
    format f;
    const int32_t quarter = 1 << (13 - integer_bits);
    for (int32_t i = 0; i < FACTORS; i++) {
        f.bits[i] = vdupq_n_s16((int16_t)(i < integer_bits + 2 ? quarter << i : 0));
    }
    f.quarter = vdupq_n_s16((int16_t)quarter);
    f.least = vdupq_n_s16((int16_t)(integer_bits > 5 ? -(32 << (15 - integer_bits)) : INT16_MIN));
    f.to_q15 = vdupq_n_s16((int16_t)integer_bits);
    return f;
}

/* e^x for x < 0; e^0 is none. */
EQ_INLINE int16x8_t exp_of_negative(int16x8_t x, const format *f) {
    static const int16_t factors[FACTORS] = {25520, 19875, 12055, 4435, 600, 11, 0};
    const int16x8_t within = vsubq_s16(vandq_s16(x, vsubq_s16(f->quarter, vdupq_n_s16(1))), f->quarter);
    const int16x8_t rest = vsubq_s16(within, x), e_to_minus_eighth = vdupq_n_s16(28918);
    const int16x8_t d = vaddq_s16(vshlq_s16(within, f->to_q15), vdupq_n_s16(1 << 12));
    const int16x8_t d2 = vqrdmulhq_s16(d, d), d3 = vqrdmulhq_s16(d2, d), d4 = vqrdmulhq_s16(d2, d2);
    const int16x8_t tail = vaddq_s16(vqrdmulhq_n_s16(vaddq_s16(vrshrq_n_s16(d4, 2), d3), 10923), d2);
    int16x8_t result = vaddq_s16(e_to_minus_eighth, vqrdmulhq_s16(vaddq_s16(d, vrshrq_n_s16(tail, 1)), e_to_minus_eighth));
    EQ_UNROLL
    for (int i = 0; i < FACTORS; i++) {
        result = vbslq_s16(vtstq_s16(rest, f->bits[i]), vqrdmulhq_n_s16(result, factors[i]), result);
    }
    return vbicq_s16(result, vreinterpretq_s16_u16(vcltq_s16(x, f->least)));
}

/* 2 / (1 + x) as Q2.13. */
EQ_INLINE int16x8_t twice_inverse(int16x8_t x) {
    const int16x8_t half = vreinterpretq_s16_u16(vhaddq_u16(vreinterpretq_u16_s16(x), vdupq_n_u16(1 << 15)));
    int16x8_t y = vaddq_s16(vdupq_n_s16(23130), vqrdmulhq_n_s16(half, -15420));
    EQ_UNROLL
    for (int i = 0; i < 3; i++) {
        const int16x8_t error = vsubq_s16(vdupq_n_s16(1 << 13), vqrdmulhq_s16(half, y));
        y = vaddq_s16(y, vshlq_n_s16(vqrdmulhq_s16(y, error), 2));
    }
    return y;
}

static __attribute__((noinline)) void run_whole(bool is_tanh, int32_t integer_bits, const int16_t *x, int16_t *out,
                                                size_t vectors) {
    const format f = format_of(integer_bits);
    const int16x8_t one = vdupq_n_s16(INT16_MAX);
    for (; vectors > 0; vectors--, x += LANES, out += LANES) {
        const int16x8_t in = vld1q_s16(x), sign = vshrq_n_s16(in, 15);
        const int16x8_t y = twice_inverse(exp_of_negative(vnegq_s16(vabsq_s16(in)), &f));
        const uint16x8_t is_zero = vceqq_s16(in, vdupq_n_s16(0));
        int16x8_t result;
        if (is_tanh) {
            const int16x8_t positive = vqshlq_n_s16(vsubq_s16(y, vdupq_n_s16(1 << 13)), 2);
            result = vbicq_s16(vsubq_s16(veorq_s16(positive, sign), sign), vreinterpretq_s16_u16(is_zero));
        } else {
            const int16x8_t half = veorq_s16(vqshlq_n_s16(y, 1), vandq_s16(sign, one));
            result = vbslq_s16(is_zero, vdupq_n_s16(1 << 14), half);
        }
        vst1q_s16(out, result);
    }
}

static __attribute__((noinline)) void run_all(bool is_tanh, int32_t integer_bits, const int16_t *x, int16_t *out, size_t n) {
    const size_t left = n % LANES;
    int16_t part[LANES] = {0};
    memcpy(part, x + n - left, left * sizeof *part);
    run_whole(is_tanh, integer_bits, x, out, n / LANES);
    run_whole(is_tanh, integer_bits, part, part, 1);
    memcpy(out + n - left, part, left * sizeof *part);
}

void eq_neon_fixed_tanh(const int16_t *x, int32_t integer_bits, int16_t *out, size_t n) {
    run_all(true, integer_bits + 1, x, out, n);
}

void eq_neon_fixed_logistic(const int16_t *x, int16_t *out, size_t n) {
    run_all(false, 3, x, out, n);
}
