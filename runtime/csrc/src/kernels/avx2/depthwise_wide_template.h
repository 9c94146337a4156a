/* Depthwise convolution with weights of 16 bits: two taps of a channel are one product. Include after requantize.h of a set, and
 *
 *     lanes, scales, enum { CHANNELS, COLUMNS }   vectors of int32 and of float32; so many channels of up to COLUMNS neighbouring outputs
 *     load(p), load_scales(p), load_values(p)     a vector; a vector of factors; CHANNELS bytes as int16
 *     low(a, b), high(a, b)                       pairs of int16: of every other four channels, and of those between
 *     even_of(a, b), odd_of(a, b)                 the same channels of two vectors of 32 bits
 *     dot(sum, pairs, weights)
 *
 * and define store_sums() after it. */
typedef struct sums {
    lanes even, odd; /* of channels 0 to 3, 8 to 11 and so on, and of the others */
} sums;

EQ_INLINE void store_sums(const requantization *to, const sums *s, scales even, scales odd, int8_t *out);

EQ_INLINE void add_taps(const eq_depthwise_wide *d, const int8_t *in, const ptrdiff_t taps[2], lanes w0, lanes w1, sums *all,
                        const int columns) {
    const lanes even = low(w0, w1), odd = high(w0, w1);
    EQ_UNROLL
    for (int x = 0; x < columns; x++) {
        const int8_t *window = in + x * d->in_column;
        const lanes first = load_values(window + taps[0]), second = load_values(window + taps[1]);
        all[x].even = dot(all[x].even, low(first, second), even);
        all[x].odd = dot(all[x].odd, high(first, second), odd);
    }
}

/* CHANNELS channels of `columns` neighbouring outputs. */
EQ_INLINE void run_lanes(const eq_depthwise_wide *d, const requantization *to, const int8_t *in, int32_t c, int8_t *out,
                         const int columns) {
    const int16_t *weights = d->weights + c;
    const lanes bias = load(d->bias + c), next_bias = load(d->bias + c + CHANNELS / 2);
    sums all[COLUMNS];
    EQ_UNROLL
    for (int x = 0; x < columns; x++) {
        all[x] = (sums){even_of(bias, next_bias), odd_of(bias, next_bias)};
    }
    int32_t tap = 0;
    for (; tap + 2 <= d->taps; tap += 2, weights += 2 * (ptrdiff_t)d->channels) {
        add_taps(d, in + c, d->tap_offsets + tap, load(weights), load(weights + d->channels), all, columns);
    }
    if (tap < d->taps) {
        const ptrdiff_t last[2] = {d->tap_offsets[tap], d->tap_offsets[tap]};
        add_taps(d, in + c, last, load(weights), (lanes){0}, all, columns);
    }
    const lanes first = load(d->scale + c), second = load(d->scale + c + CHANNELS / 2);
    const scales even = (scales)even_of(first, second), odd = (scales)odd_of(first, second);
    EQ_UNROLL
    for (int x = 0; x < columns; x++) {
        store_sums(to, &all[x], even, odd, out + x * (ptrdiff_t)d->channels + c);
    }
}

static void run_channels(const eq_depthwise_wide *d, const int8_t *in, int8_t *out, int32_t columns) {
    const requantization to = requantization_to(d->zero_point, d->min, d->max);
    const int32_t last = d->channels - CHANNELS;
    for (int32_t x = 0, n; x < columns; x += n, in += n * d->in_column, out += n * (ptrdiff_t)d->channels) {
        n = columns - x < COLUMNS ? 1 : COLUMNS;
        for (int32_t c = 0; c < d->channels; c += CHANNELS) { /* the last ones may be computed twice */
            if (n == COLUMNS) {
                run_lanes(d, &to, in, c < last ? c : last, out, COLUMNS);
            } else {
                run_lanes(d, &to, in, c < last ? c : last, out, 1);
            }
        }
    }
}
