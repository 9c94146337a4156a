#include "fft.h"

#include "portable_math.h"

void eq_fft_factors(int32_t length, eq_complex *factors) {
    for (int32_t k = 0; k < length / 2 || k == 0; ++k) {
        eq_turn(k, length, &factors[k].real, &factors[k].imaginary);
        factors[k].imaginary = -factors[k].imaginary;
    }
}

static eq_complex multiply(eq_complex a, eq_complex b) {
    return (eq_complex){a.real * b.real - a.imaginary * b.imaginary, a.real * b.imaginary + a.imaginary * b.real};
}

static eq_complex add(eq_complex a, eq_complex b) {
    return (eq_complex){a.real + b.real, a.imaginary + b.imaginary};
}

static eq_complex subtract(eq_complex a, eq_complex b) {
    return (eq_complex){a.real - b.real, a.imaginary - b.imaginary};
}

static void reverse_bits(eq_complex *data, int32_t length) {
    for (int32_t i = 1, j = 0; i < length; ++i) {
        int32_t bit = length / 2;
        for (; (j & bit) != 0; bit /= 2) {
            j ^= bit;
        }
        j ^= bit;
        if (i < j) {
            const eq_complex swapped = data[i];
            data[i] = data[j];
            data[j] = swapped;
        }
    }
}

void eq_fft(eq_complex *data, int32_t length, const eq_complex *factors, int32_t stride) {
    reverse_bits(data, length);
    for (int32_t half = 1; half < length; half *= 2) {
        const int64_t step = (int64_t)stride * (length / (2 * half));
        for (int32_t start = 0; start < length; start += 2 * half) {
            eq_complex *low = data + start, *high = low + half;
            for (int32_t k = 0; k < half; ++k) {
                const eq_complex turned = multiply(factors[k * step], high[k]);
                high[k] = subtract(low[k], turned);
                low[k] = add(low[k], turned);
            }
        }
    }
}

/* The transform of the pairs is that of the even numbers, E, plus i times that of the odd ones, O, and both are symmetric; the value
 * that is wanted is E + factor * O. */
void eq_fft_real(eq_complex *data, int32_t length, const eq_complex *factors) {
    const int32_t pairs = length / 2;
    if (pairs == 0) {
        data[0].imaginary = 0;
        return;
    }
    eq_fft(data, pairs, factors, 2);
    data[pairs] = data[0];
    for (int32_t k = 0; k <= pairs / 2; ++k) {
        const eq_complex a = data[k], b = {data[pairs - k].real, -data[pairs - k].imaginary};
        const eq_complex even = {(a.real + b.real) / 2, (a.imaginary + b.imaginary) / 2};
        const eq_complex odd = {(a.imaginary - b.imaginary) / 2, (b.real - a.real) / 2};
        const eq_complex turned = multiply(k < pairs ? factors[k] : (eq_complex){-1, 0}, odd);
        data[k] = add(even, turned);
        data[pairs - k] = subtract(even, turned);
        data[pairs - k].imaginary = -data[pairs - k].imaginary;
    }
}
