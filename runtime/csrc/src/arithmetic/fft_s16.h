/* Fourier transforms of 16-bit numbers by radix 4 and 2, each pass scaled down by its radix: those of KISS FFT with FIXED_POINT=16,
 * which TensorFlow Lite Micro's Signal operators use. */
#ifndef EQ_FFT_S16_H
#define EQ_FFT_S16_H

#include <stdint.h>

typedef struct eq_complex_s16 {
    int16_t real, imaginary;
} eq_complex_s16;

/* The factors for `length` real numbers, a power of two from 4 on: length / 2 for the transform of pairs, then length / 4 to take
 * the pairs apart. */
void eq_fft_s16_factors(int32_t length, eq_complex_s16 *factors);

/* The first length / 2 + 1 values of the transform of `length` real numbers; `work` has room for length / 2. */
void eq_fft_s16_real(const int16_t *in, int32_t length, const eq_complex_s16 *factors, eq_complex_s16 *work,
                     eq_complex_s16 *out);

#endif
