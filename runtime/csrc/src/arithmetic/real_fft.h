/* Fourier transforms of real numbers by radix 4 and 2, in numbers of 16 bits, 32 bits and float32: those of KISS FFT (FIXED_POINT=16,
 * 32, and without), which TensorFlow Lite Micro's Signal operators use. Each pass over integers is scaled down by its radix, so a
 * transform is divided by its length; sums that overflow wrap.
 *
 * Lengths are powers of two from 4 on. Complex numbers are pairs: the real part, then the imaginary one.
 *   factors  length / 2 pairs for the transform of pairs of numbers, then length / 4 to take these apart or put them together
 *   forward  `in` length numbers -> `out` the first length / 2 + 1 pairs of their transform
 *   inverse  `in` length / 2 + 1 pairs -> `out` length numbers; float32 ones are divided by the length
 *   work     room for length / 2 pairs */
#ifndef EQ_REAL_FFT_H
#define EQ_REAL_FFT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct eq_complex_s16 {
    int16_t real, imaginary;
} eq_complex_s16;

typedef void (*eq_fft_fn)(const void *in, int32_t length, const void *factors, void *work, void *out);

void eq_fft_s16_factors(int32_t length, bool inverse, void *factors);
void eq_fft_s16_forward(const void *in, int32_t length, const void *factors, void *work, void *out);
void eq_fft_s16_inverse(const void *in, int32_t length, const void *factors, void *work, void *out);
void eq_fft_s32_factors(int32_t length, bool inverse, void *factors);
void eq_fft_s32_forward(const void *in, int32_t length, const void *factors, void *work, void *out);
void eq_fft_s32_inverse(const void *in, int32_t length, const void *factors, void *work, void *out);
void eq_fft_f32_factors(int32_t length, bool inverse, void *factors);
void eq_fft_f32_forward(const void *in, int32_t length, const void *factors, void *work, void *out);
void eq_fft_f32_inverse(const void *in, int32_t length, const void *factors, void *work, void *out);

#endif
