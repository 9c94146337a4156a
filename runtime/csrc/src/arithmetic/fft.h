/* Fourier transforms of power-of-two length in double precision: the same bits on every CPU. */
#ifndef EQ_FFT_H
#define EQ_FFT_H

#include <stdint.h>

typedef struct eq_complex {
    double real, imaginary;
} eq_complex;

/* The `length` / 2 factors e^(-2 pi i k / length) that transforms of that length need; one for length 1. */
void eq_fft_factors(int32_t length, eq_complex *factors);

/* data[k] = sum over j of data[j] * e^(-2 pi i j k / length), in place. `factors` are those of length * stride. */
void eq_fft(eq_complex *data, int32_t length, const eq_complex *factors, int32_t stride);

/* The first length / 2 + 1 values of the transform of `length` real numbers. They lie in `data` two by two, as if each pair were a
 * complex number; for length 1 alone in the real part. */
void eq_fft_real(eq_complex *data, int32_t length, const eq_complex *factors);

#endif
