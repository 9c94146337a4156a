#include "spectrum.h"

#include <math.h>

#include "arithmetic.h"
#include "portable_math.h"

enum { RESULT_BITS = 6, LOG_BITS = 16, LN_2 = 45426 }; /* of 2^-16 */

void eq_window_s16(const int16_t *in, const int16_t *window, int32_t length, int32_t shift, int16_t *out) {
    for (int32_t i = 0; i < length; ++i) {
        out[i] = (int16_t)eq_clamp((in[i] * window[i]) >> shift, INT16_MIN, INT16_MAX);
    }
}

int32_t eq_free_bits(const int16_t *values, int64_t count) {
    int32_t largest = 0;
    for (int64_t i = 0; i < count; ++i) {
        const int32_t size = values[i] < 0 ? -values[i] : values[i];
        largest = size > largest ? size : largest;
    }
    /* 2^15, of -2^15 alone, is a negative number of 16 bits there. */
    return largest == 0 ? 15 : largest > INT16_MAX ? 0 : __builtin_clz((unsigned)largest) - 17;
}

void eq_filter_bank_sums(const eq_filter_bank *bank, const uint32_t *in, uint64_t *out) {
    uint64_t next = 0;
    for (int32_t i = 0; i <= bank->channels; ++i) {
        uint64_t sum = next;
        next = 0;
        for (int32_t j = 0; j < bank->widths[i]; ++j) {
            const uint64_t x = in[bank->frequencies[i] + j];
            sum += (uint64_t)(int64_t)bank->weights[bank->starts[i] + j] * x;
            next += (uint64_t)(int64_t)bank->unweights[bank->starts[i] + j] * x;
        }
        if (i > 0) {
            out[i - 1] = sum;
        }
    }
}

/* How many bits a number has: 1 of 1, 0 of 0. */
static int32_t bits_of(uint64_t x) {
    return x == 0 ? 0 : 64 - __builtin_clzll(x);
}

/* Bit by bit. */
uint32_t eq_root_of(uint64_t x) {
    const uint64_t most = x >> 32 == 0 ? UINT16_MAX : UINT32_MAX;
    uint64_t root = 0;
    for (uint64_t bit = x == 0 ? 0 : UINT64_C(1) << ((bits_of(x) - 1) / 2 * 2); bit > 0; bit >>= 2) {
        const bool fits = x >= root + bit;
        x -= fits ? root + bit : 0;
        root = (root >> 1) + (fits ? bit : 0);
    }
    return (uint32_t)(root + (x > root && root != most));
}

void eq_subtract_noise(const eq_noise_filter *s, const uint32_t *in, uint32_t *noise, uint32_t *out) {
    for (int32_t i = 0; i < s->channels; ++i) {
        const uint32_t scaled = in[i] << s->smoothing_bits;
        noise[i] = (uint32_t)(((uint64_t)scaled * s->smoothing[i & 1] + (uint64_t)noise[i] * s->rest[i & 1]) >> s->bits);
        uint32_t estimate = noise[i];
        if (estimate > scaled) {
            estimate = scaled;
            noise[i] = s->clamps ? estimate : noise[i];
        }
        const uint32_t least = (uint32_t)(((uint64_t)in[i] * s->remaining) >> s->bits);
        const uint32_t left = (scaled - estimate) >> s->smoothing_bits;
        out[i] = left > least ? left : least;
    }
}

/* A parabola for each power of two: a, b and c of 3 numbers, and one that is not used. */
static uint32_t gain_of(uint32_t noise, const int16_t *table) {
    if (noise <= 2) {
        return (uint32_t)(int32_t)table[noise];
    }
    const int32_t interval = bits_of(noise);
    const int16_t *part = table + 4 * interval - 6;
    const int32_t fraction = (int32_t)((interval < 11 ? noise << (11 - interval) : noise >> (interval - 11)) & 0x3ff);
    const uint32_t slope = (uint32_t)((part[2] * fraction) >> 5) + ((uint32_t)(int32_t)part[1] << 5);
    const int32_t product = (int32_t)(slope * (uint32_t)fraction + (1u << 14));
    return (uint32_t)(int32_t)(int16_t)(uint16_t)(uint32_t)((product >> 15) + part[0]);
}

/* x^2 / 4 of x less than 2, else x - 1. */
static uint32_t shrunk(uint32_t x) {
    return x < 2u << EQ_RATIO_BITS ? (x * x) >> (2 + 2 * EQ_RATIO_BITS - RESULT_BITS)
                                   : (x >> (EQ_RATIO_BITS - RESULT_BITS)) - (1u << RESULT_BITS);
}

uint32_t eq_pcan_value(uint32_t in, uint32_t noise, const int16_t *table, int32_t shift) {
    return shrunk((uint32_t)(((uint64_t)in * gain_of(noise, table)) >> shift));
}

void eq_log_table_fill(eq_log_table *table) {
    for (int32_t i = 0; i <= 1 << EQ_LOG_SEGMENT_BITS; ++i) {
        const double x = (double)i / (1 << EQ_LOG_SEGMENT_BITS);
        table->above_line[i] = (uint16_t)round((eq_log(1 + x) / eq_log(2) - x) * (1 << LOG_BITS));
    }
}

static uint32_t scaled_log(const eq_log_table *l, uint32_t x) {
    const int32_t whole = bits_of(x) - 1;
    const uint32_t rest = x - (UINT32_C(1) << whole);
    const int32_t fraction = (int32_t)(whole < LOG_BITS ? rest << (LOG_BITS - whole) : rest >> (whole - LOG_BITS));
    const int32_t segment = fraction >> (LOG_BITS - EQ_LOG_SEGMENT_BITS),
                  within = fraction & ((1 << (LOG_BITS - EQ_LOG_SEGMENT_BITS)) - 1);
    const int32_t low = l->above_line[segment], rise = l->above_line[segment + 1] - low;
    const uint32_t log2 = ((uint32_t)whole << LOG_BITS) + (uint32_t)(fraction + low + ((rise * within) >> LOG_BITS));
    const uint32_t half = 1u << (LOG_BITS - 1), log = (uint32_t)(((uint64_t)LN_2 * log2 + half) >> LOG_BITS);
    return (l->scale * log + half) >> LOG_BITS;
}

int16_t eq_log_value(const eq_log_table *table, uint32_t x) {
    const uint32_t shifted = x << table->bits, y = shifted > 1 ? scaled_log(table, shifted) : 0;
    return (int16_t)(y < INT16_MAX ? y : INT16_MAX);
}
