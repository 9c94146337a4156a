/* TensorFlow Lite Micro's way from sound to features, in integers; what overflows there wraps here. Its Signal operators and the micro
 * frontend of tasks are made of these. (tflite-micro, signal/src) */
#ifndef EQ_SPECTRUM_H
#define EQ_SPECTRUM_H

#include <stdbool.h>
#include <stdint.h>

#include "real_fft.h"

void eq_window_s16(const int16_t *in, const int16_t *window, int32_t length, int32_t shift, int16_t *out);

/* By how many bits all values may be shifted up without leaving 16 bits. */
int32_t eq_free_bits(const int16_t *values, int64_t count);

static inline uint32_t eq_energy_s16(eq_complex_s16 c) {
    return (uint32_t)(c.real * c.real) + (uint32_t)(c.imaginary * c.imaginary);
}

/* Sums of weighted frequencies. A frequency has two weights, one for each of two adjacent channels, and the channel before the first is
 * only there for these: lists of `channels` + 1. */
typedef struct eq_filter_bank {
    int32_t channels;
    const int16_t *weights, *unweights;
    const int16_t *frequencies, *starts, *widths; /* first frequency, first weight, and their number */
} eq_filter_bank;

void eq_filter_bank_sums(const eq_filter_bank *bank, const uint32_t *in, uint64_t *out);

/* To nearest; of 32 bits the result is one of 16. */
uint32_t eq_root_of(uint64_t x);

/* Less an estimate of the noise, which goes on from run to run. */
typedef struct eq_noise_filter {
    int32_t channels, smoothing_bits, bits;
    uint32_t smoothing[2], rest[2]; /* of even and of odd channels; the estimate's part of itself */
    uint32_t remaining;             /* the least that is left of a signal */
    bool clamps;
} eq_noise_filter;

void eq_subtract_noise(const eq_noise_filter *s, const uint32_t *in, uint32_t *noise, uint32_t *out);

/* Gain control by the noise (per-channel amplitude normalization). The table has a parabola for each power of two. */
enum { EQ_GAIN_VALUES = 125, EQ_RATIO_BITS = 12 };

uint32_t eq_pcan_value(uint32_t in, uint32_t noise, const int16_t *table, int32_t shift);

/* Scaled natural logarithms. */
enum { EQ_LOG_SEGMENT_BITS = 7 };

typedef struct eq_log_table {
    uint32_t scale;
    int32_t bits;
    uint16_t
        above_line[(1 << EQ_LOG_SEGMENT_BITS) + 1]; /* log2(1 + x) - x, for x of 0 to 1 in equal steps, in units of 2^-16 */
} eq_log_table;

void eq_log_table_fill(eq_log_table *table);
int16_t eq_log_value(const eq_log_table *table, uint32_t x);

#endif
