#include "fft_s16.h"

#include <math.h>

#include "portable_math.h"

enum { ONE = INT16_MAX };

typedef eq_complex_s16 complex;

/* e^(-2 pi i part / whole) */
static complex factor(int32_t part, int32_t whole) {
    double cosine, sine;
    eq_turn(part, whole, &cosine, &sine);
    return (complex){(int16_t)floor(0.5 + ONE * cosine), (int16_t)floor(0.5 - ONE * sine)};
}

void eq_fft_s16_factors(int32_t length, complex *factors) {
    const int32_t pairs = length / 2;
    for (int32_t k = 0; k < pairs; ++k) {
        factors[k] = factor(k, pairs);
    }
    for (int32_t k = 1; k <= pairs / 2; ++k) { /* a quarter turn further */
        factors[pairs + k - 1] = factor(k + length / 4, length);
    }
}

static int16_t rounded(int32_t x) {
    return (int16_t)((x + (1 << 14)) >> 15);
}

static complex product(complex a, complex b) {
    return (complex){rounded(a.real * b.real - a.imaginary * b.imaginary),
                     rounded(a.real * b.imaginary + a.imaginary * b.real)};
}

static complex sum(complex a, complex b) {
    return (complex){(int16_t)(a.real + b.real), (int16_t)(a.imaginary + b.imaginary)};
}

static complex difference(complex a, complex b) {
    return (complex){(int16_t)(a.real - b.real), (int16_t)(a.imaginary - b.imaginary)};
}

static complex divided(complex x, int32_t by) {
    return (complex){rounded(x.real * (ONE / by)), rounded(x.imaginary * (ONE / by))};
}

static void pass_of_2(complex *out, int32_t part, const complex *factors, int32_t stride) {
    for (int32_t k = 0; k < part; ++k) {
        const complex low = divided(out[k], 2), high = product(divided(out[k + part], 2), factors[k * stride]);
        out[k + part] = difference(low, high);
        out[k] = sum(low, high);
    }
}

static void pass_of_4(complex *out, int32_t part, const complex *factors, int32_t stride) {
    for (int32_t k = 0; k < part; ++k) {
        const complex a = divided(out[k], 4), b = product(divided(out[k + part], 4), factors[k * stride]);
        const complex c = product(divided(out[k + 2 * part], 4), factors[2 * k * stride]);
        const complex d = product(divided(out[k + 3 * part], 4), factors[3 * k * stride]);
        const complex ac = sum(a, c), ca = difference(a, c), bd = sum(b, d), db = difference(b, d);
        out[k] = sum(ac, bd);
        out[k + 2 * part] = difference(ac, bd);
        out[k + part] = (complex){(int16_t)(ca.real + db.imaginary), (int16_t)(ca.imaginary - db.real)};
        out[k + 3 * part] = (complex){(int16_t)(ca.real - db.imaginary), (int16_t)(ca.imaginary + db.real)};
    }
}

/* Of every stride-th of the numbers from `in` on: radix 4 as long as that goes, then 2. */
static void transform(const complex *in, int32_t stride, int32_t length, const complex *factors, complex *out) {
    if (length == 1) {
        out[0] = in[0];
        return;
    }
    const int32_t radix = length % 4 == 0 ? 4 : 2, part = length / radix;
    for (int32_t i = 0; i < radix; ++i) {
        transform(in + i * stride, stride * radix, part, factors, out + i * part);
    }
    (radix == 4 ? pass_of_4 : pass_of_2)(out, part, factors, stride);
}

void eq_fft_s16_real(const int16_t *in, int32_t length, const complex *factors, complex *work, complex *out) {
    const int32_t pairs = length / 2;
    transform((const complex *)(const void *)in, 1, pairs, factors, work);
    const complex first = divided(work[0], 2);
    out[0] = (complex){(int16_t)(first.real + first.imaginary), 0};
    out[pairs] = (complex){(int16_t)(first.real - first.imaginary), 0};
    for (int32_t k = 1; k <= pairs / 2; ++k) {
        const complex mirrored = {work[pairs - k].real, (int16_t)-work[pairs - k].imaginary};
        const complex a = divided(work[k], 2), b = divided(mirrored, 2);
        const complex even = sum(a, b), odd = product(difference(a, b), factors[pairs + k - 1]);
        out[k] = (complex){(int16_t)((even.real + odd.real) >> 1), (int16_t)((even.imaginary + odd.imaginary) >> 1)};
        out[pairs - k] = (complex){(int16_t)((even.real - odd.real) >> 1), (int16_t)((odd.imaginary - even.imaginary) >> 1)};
    }
}
