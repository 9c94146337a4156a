/* The transforms of real_fft.h for one type. Before it is included, NAMED(name) is eq_fft_<type>_<name>, and there are
 *
 *   number                                    the type
 *   from_real(x)                              a factor, -1 <= x <= 1
 *   plus(a, b), minus(a, b), negated(a)
 *   half_plus(a, b), half_minus(a, b)         half of it, down
 *   products_plus(a, b, c, d), .._minus       a * b + c * d
 *   divided(x, by)                            before a pass, that it cannot overflow
 *   by_length(x, length)                      the end of an inverse transform */
#include "portable_math.h"
#include "real_fft.h"

typedef struct complex {
    number real, imaginary;
} complex;

static complex sum(complex a, complex b) {
    return (complex){plus(a.real, b.real), plus(a.imaginary, b.imaginary)};
}

static complex difference(complex a, complex b) {
    return (complex){minus(a.real, b.real), minus(a.imaginary, b.imaginary)};
}

static complex product(complex a, complex b) {
    return (complex){products_minus(a.real, b.real, a.imaginary, b.imaginary),
                     products_plus(a.real, b.imaginary, a.imaginary, b.real)};
}

static complex part_of(complex x, int32_t by) {
    return (complex){divided(x.real, by), divided(x.imaginary, by)};
}

static complex mirrored(complex x) {
    return (complex){x.real, negated(x.imaginary)};
}

/* a - i b, or for an inverse transform a + i b. */
static complex turned_sum(complex a, complex b, bool inverse) {
    return inverse ? (complex){minus(a.real, b.imaginary), plus(a.imaginary, b.real)}
                   : (complex){plus(a.real, b.imaginary), minus(a.imaginary, b.real)};
}

/* e^(-2 pi i part / whole), or its inverse. */
static complex factor(int32_t part, int32_t whole, bool inverse) {
    double cosine, sine;
    eq_turn(part, whole, &cosine, &sine);
    return (complex){from_real(cosine), from_real(inverse ? sine : -sine)};
}

void NAMED(factors)(int32_t length, bool inverse, void *factors) {
    complex *to = factors;
    const int32_t pairs = length / 2;
    for (int32_t k = 0; k < pairs; ++k) {
        to[k] = factor(k, pairs, inverse);
    }
    for (int32_t k = 1; k <= pairs / 2; ++k) { /* a quarter turn further */
        to[pairs + k - 1] = factor(k + length / 4, length, inverse);
    }
}

static void pass_of_2(complex *out, int32_t part, const complex *factors, int32_t stride) {
    for (int32_t k = 0; k < part; ++k) {
        const complex low = part_of(out[k], 2), high = product(part_of(out[k + part], 2), factors[k * stride]);
        out[k + part] = difference(low, high);
        out[k] = sum(low, high);
    }
}

static void pass_of_4(complex *out, int32_t part, const complex *factors, int32_t stride, bool inverse) {
    for (int32_t k = 0; k < part; ++k) {
        const complex a = part_of(out[k], 4), b = product(part_of(out[k + part], 4), factors[k * stride]);
        const complex c = product(part_of(out[k + 2 * part], 4), factors[2 * k * stride]);
        const complex d = product(part_of(out[k + 3 * part], 4), factors[3 * k * stride]);
        const complex a_c = sum(a, c), a_less_c = difference(a, c), b_d = sum(b, d), b_less_d = difference(b, d);
        out[k] = sum(a_c, b_d);
        out[k + 2 * part] = difference(a_c, b_d);
        out[k + part] = turned_sum(a_less_c, b_less_d, inverse);
        out[k + 3 * part] = turned_sum(a_less_c, b_less_d, !inverse);
    }
}

/* Of every stride-th of the numbers from `in` on: radix 4 as long as that goes, then 2. */
static void transform(const complex *in, int32_t stride, int32_t length, const complex *factors, bool inverse, complex *out) {
    if (length == 1) {
        out[0] = in[0];
        return;
    }
    const int32_t radix = length % 4 == 0 ? 4 : 2, part = length / radix;
    for (int32_t i = 0; i < radix; ++i) {
        transform(in + i * stride, stride * radix, part, factors, inverse, out + i * part);
    }
    if (radix == 4) {
        pass_of_4(out, part, factors, stride, inverse);
    } else {
        pass_of_2(out, part, factors, stride);
    }
}

void NAMED(forward)(const void *in, int32_t length, const void *factors, void *work, void *out) {
    const int32_t pairs = length / 2;
    const complex *turns = (const complex *)factors + pairs;
    complex *of_pairs = work, *to = out;
    transform(in, 1, pairs, factors, false, of_pairs);
    const complex first = part_of(of_pairs[0], 2);
    to[0] = (complex){plus(first.real, first.imaginary), 0};
    to[pairs] = (complex){minus(first.real, first.imaginary), 0};
    for (int32_t k = 1; k <= pairs / 2; ++k) {
        const complex a = part_of(of_pairs[k], 2), b = part_of(mirrored(of_pairs[pairs - k]), 2);
        const complex even = sum(a, b), odd = product(difference(a, b), turns[k - 1]);
        to[k] = (complex){half_plus(even.real, odd.real), half_plus(even.imaginary, odd.imaginary)};
        to[pairs - k] = (complex){half_minus(even.real, odd.real), half_minus(odd.imaginary, even.imaginary)};
    }
}

void NAMED(inverse)(const void *in, int32_t length, const void *factors, void *work, void *out) {
    const int32_t pairs = length / 2;
    const complex *turns = (const complex *)factors + pairs, *from = in;
    complex *of_pairs = work;
    number *to = out;
    of_pairs[0] = part_of((complex){plus(from[0].real, from[pairs].real), minus(from[0].real, from[pairs].real)}, 2);
    for (int32_t k = 1; k <= pairs / 2; ++k) {
        const complex a = part_of(from[k], 2), b = part_of(mirrored(from[pairs - k]), 2);
        const complex even = sum(a, b), odd = product(difference(a, b), turns[k - 1]);
        of_pairs[k] = sum(even, odd);
        of_pairs[pairs - k] = mirrored(difference(even, odd));
    }
    transform(of_pairs, 1, pairs, factors, true, out);
    for (int32_t i = 0; i < length; ++i) {
        to[i] = by_length(to[i], length);
    }
}
