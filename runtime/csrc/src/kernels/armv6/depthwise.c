/* Depthwise convolution, four channels at a time. PKHBT and PKHTB put the bytes of two neighbouring taps of a kernel row into
 * one word, SXTB16 widens each channel's pair of them, and SMLAD adds both products. A row's last tap may have no neighbour.
 * Kernels of 3x3 with stride 1 or 2 go by two rows of outputs: depthwise_3x3.h.
 *
 * Channels go in blocks of a cache line, so that the weights of a block and the lines that it reads stay in the cache.
 *
 * Packed: groups of {bias[4], scale[4], (height, (width + 1) / 2, channels = 4, taps = 2) int16}, with tall_channel[4] for 3x3. */
#include "set.h"

#include "depthwise_3x3.h"
#include "media.h"

enum { CHANNELS = 4, BLOCK = 32 /* channels */, COLUMNS = 8 };

typedef struct group {
    int32_t bias[CHANNELS];
    float scale[CHANNELS];
    int16x2_t weights[];
} group;

static size_t tap_words(int32_t height, int32_t width) {
    return (size_t)height * (((size_t)width + 1) / 2) * CHANNELS;
}

static size_t group_bytes(int32_t height, int32_t width) {
    const size_t tall = height == 3 && width == 3 ? CHANNELS * sizeof(tall_channel) : 0;
    return sizeof(group) + tap_words(height, width) * sizeof(int16x2_t) + tall;
}

size_t eq_armv6_depthwise_packed_bytes(const eq_depthwise_weights *w) {
    return ((size_t)w->channels + CHANNELS - 1) / CHANNELS * group_bytes(w->height, w->width);
}

static int16_t weight_at(const eq_depthwise_weights *w, int32_t y, int32_t x, int32_t c) {
    if (x >= w->width || c >= w->channels) {
        return 0;
    }
    return w->weights[((size_t)y * (size_t)w->width + (size_t)x) * (size_t)w->channels + (size_t)c];
}

static int16x2_t pair_of(int16_t first, int16_t second) {
    return (int16x2_t)((uint32_t)second << 16 | (uint16_t)first);
}

static void pack_tall(const eq_depthwise_weights *w, int32_t c, tall_channel *packed) {
    for (int32_t i = 0; i < CHANNELS; i++) {
        for (int32_t x = 0; x < 3; x++) {
            const int16_t taps[3] = {weight_at(w, 0, x, c + i), weight_at(w, 1, x, c + i), weight_at(w, 2, x, c + i)};
            packed[i].taps[x][0] = pair_of(taps[0], taps[1]), packed[i].taps[x][1] = pair_of(taps[1], taps[2]);
        }
        packed[i].bias = c + i < w->channels ? w->bias[c + i] : 0;
    }
}

static void pack_group(const eq_depthwise_weights *w, int32_t c, group *packed) {
    int16x2_t *pair = packed->weights;
    for (int32_t i = 0; i < CHANNELS && c + i < w->channels; i++) {
        packed->bias[i] = w->bias[c + i];
        packed->scale[i] = w->scale[c + i];
    }
    for (int32_t y = 0; y < w->height; y++) {
        for (int32_t x = 0; x < w->width; x += 2) {
            for (int32_t i = 0; i < CHANNELS; i++) {
                *pair++ = pair_of(weight_at(w, y, x, c + i), weight_at(w, y, x + 1, c + i));
            }
        }
    }
    if (w->height == 3 && w->width == 3) {
        pack_tall(w, c, (void *)pair);
    }
}

void eq_armv6_depthwise_pack(const eq_depthwise_weights *w, void *packed) {
    for (int32_t c = 0; c < w->channels; c += CHANNELS) {
        pack_group(w, c, packed);
        packed = (char *)packed + group_bytes(w->height, w->width);
    }
}

/* What the sums of a group's windows need. The assembly knows the offsets of the members. */
typedef struct source {
    int32_t width_minus_2;
    ptrdiff_t next_row; /* from the end of a row of taps to the next row */
    int32_t height, rows_left;
    const int8_t *in;
    ptrdiff_t in_column;
    const group *channels;
    int32_t *acc, *end;
} source;

/* The sums of four channels of `columns` outputs. In assembly since compilers keep half of the sums in memory. */
static void sum_windows(const eq_depthwise *d, const group *channels, const int8_t *in, int32_t acc[][CHANNELS],
                        int32_t columns) {
    source from = {d->width - 2, d->tap_row - d->width * d->tap_column, d->height, 0, in, d->in_column, channels, acc[0],
                   acc[columns]};
    uint32_t acc0, acc1, acc2, acc3, window, weights, left, a, b, pair, weight;
    __asm__ volatile(
        "4:\n\t" /* a window */
        "ldr %[in], [%[from], #16]\n\t"
        "ldr %[a], [%[from], #20]\n\t"
        "ldr %[weights], [%[from], #24]\n\t"
        "ldr %[b], [%[from], #8]\n\t"
        "add %[a], %[in], %[a]\n\t"
        "str %[a], [%[from], #16]\n\t"
        "str %[b], [%[from], #12]\n\t"
        "ldr %[acc0], [%[weights]], #4\n\t" /* the biases; the scales follow */
        "ldr %[acc1], [%[weights]], #4\n\t"
        "ldr %[acc2], [%[weights]], #4\n\t"
        "ldr %[acc3], [%[weights]], #20\n\t"
        "2:\n\t" /* a row of taps */
        "ldr %[left], [%[from]]\n\t"
        "cmp %[left], #0\n\t"
        "blt 1f\n\t"
        "0:\n\t" /* two taps */
        "ldr %[a], [%[in]], %[tap]\n\t"
        "ldr %[b], [%[in]], %[tap]\n\t"
        "ldr %[weight], [%[weights]], #16\n\t"
        "subs %[left], %[left], #2\n\t"
        "pkhbt %[pair], %[a], %[b], lsl #16\n\t"
        "pkhtb %[b], %[b], %[a], asr #16\n\t"
        "sxtb16 %[a], %[pair]\n\t"
        "sxtb16 %[pair], %[pair], ror #8\n\t"
        "smlad %[acc0], %[a], %[weight], %[acc0]\n\t"
        "ldr %[weight], [%[weights], #-12]\n\t"
        "ldr %[a], [%[weights], #-8]\n\t"
        "smlad %[acc1], %[pair], %[weight], %[acc1]\n\t"
        "ldr %[weight], [%[weights], #-4]\n\t"
        "sxtb16 %[pair], %[b]\n\t"
        "sxtb16 %[b], %[b], ror #8\n\t"
        "smlad %[acc2], %[pair], %[a], %[acc2]\n\t"
        "smlad %[acc3], %[b], %[weight], %[acc3]\n\t"
        "bge 0b\n\t"
        "1:\n\t"
        "tst %[left], #1\n\t"
        "beq 3f\n\t"
        "ldr %[a], [%[in]], %[tap]\n\t" /* the last one; the high halves of its weights are 0 */
        "ldr %[weight], [%[weights]], #16\n\t"
        "ldr %[b], [%[weights], #-12]\n\t"
        "sxtb16 %[pair], %[a]\n\t"
        "sxtb16 %[a], %[a], ror #8\n\t"
        "smlad %[acc0], %[pair], %[weight], %[acc0]\n\t"
        "ldr %[weight], [%[weights], #-8]\n\t"
        "smlad %[acc1], %[a], %[b], %[acc1]\n\t"
        "ldr %[b], [%[weights], #-4]\n\t"
        "smladx %[acc2], %[pair], %[weight], %[acc2]\n\t"
        "smladx %[acc3], %[a], %[b], %[acc3]\n\t"
        "3:\n\t"
        "ldr %[a], [%[from], #12]\n\t"
        "ldr %[b], [%[from], #4]\n\t"
        "subs %[a], %[a], #1\n\t"
        "add %[in], %[in], %[b]\n\t"
        "str %[a], [%[from], #12]\n\t"
        "bne 2b\n\t"
        "ldr %[a], [%[from], #28]\n\t"
        "ldr %[b], [%[from], #32]\n\t"
        "str %[acc0], [%[a]], #4\n\t"
        "str %[acc1], [%[a]], #4\n\t"
        "str %[acc2], [%[a]], #4\n\t"
        "str %[acc3], [%[a]], #4\n\t"
        "cmp %[a], %[b]\n\t"
        "str %[a], [%[from], #28]\n\t"
        "bne 4b"
        : [acc0] "=&r"(acc0), [acc1] "=&r"(acc1), [acc2] "=&r"(acc2), [acc3] "=&r"(acc3), [in] "=&r"(window),
          [weights] "=&r"(weights), [left] "=&r"(left), [a] "=&r"(a), [b] "=&r"(b), [pair] "=&r"(pair), [weight] "=&r"(weight)
        : [from] "r"(&from), [tap] "r"(d->tap_column)
        : "cc", "memory");
}

/* Some channels of `columns` neighbouring outputs; all pointers are at the first of the channels. */
static void run_tile(const eq_depthwise *d, const char *packed, const int8_t *in, int8_t *out, int32_t channels,
                     int32_t columns) {
    const output_range range = {d->zero_point, d->min, d->max, d->small};
    const size_t bytes = group_bytes(d->height, d->width);
    int8_t *outputs[COLUMNS];
    for (int32_t i = 0; i < columns; i++) {
        outputs[i] = out + (ptrdiff_t)i * d->channels;
    }
    for (int32_t c = 0; c < channels; c += CHANNELS, packed += bytes) {
        const group *group = (const void *)packed;
        int32_t acc[COLUMNS][CHANNELS];
        sum_windows(d, group, in + c, acc, columns);
        requantize_fours(acc, group->scale, range, outputs, c, channels - c, columns);
    }
}

/* As run_tile, of two rows of outputs by a kernel of 3x3. */
static void run_tall_tile(const eq_depthwise *d, int32_t stride, const char *packed, const int8_t *in, int8_t *out,
                          int32_t channels, int32_t columns) {
    const output_range range = {d->zero_point, d->min, d->max, d->small};
    int8_t *outputs[2 * TALL_COLUMNS];
    for (int32_t i = 0; i < columns; i++) {
        outputs[2 * i] = out + (ptrdiff_t)i * d->channels;
        outputs[2 * i + 1] = outputs[2 * i] + d->out_row;
    }
    for (int32_t c = 0; c < channels; c += CHANNELS, packed += group_bytes(3, 3)) {
        const group *group = (const void *)packed;
        int32_t acc[2 * TALL_COLUMNS][CHANNELS];
        sum_tall(stride, (const void *)(group->weights + tap_words(3, 3)), in + c, d->tap_row, d->tap_column, acc, columns);
        requantize_fours(acc, group->scale, range, outputs, c, channels - c, 2 * columns);
    }
}

/* 1 or 2 if windows of 3x3 are so many taps apart in both directions, else 0. */
static int32_t tall_stride(const eq_depthwise *d) {
    const bool is_3x3 = d->height == 3 && d->width == 3;
    for (int32_t stride = 1; is_3x3 && stride <= 2; stride++) {
        if (d->in_row == stride * d->tap_row && d->in_column == stride * d->tap_column) {
            return stride;
        }
    }
    return 0;
}

void eq_armv6_depthwise_run(const eq_depthwise *d, const int8_t *in, int8_t *out, int32_t rows) {
    const char *packed = d->packed;
    const size_t block_bytes = BLOCK / CHANNELS * group_bytes(d->height, d->width);
    const int32_t stride = tall_stride(d);
    for (int32_t c = 0; c < d->channels; c += BLOCK, packed += block_bytes) {
        const int32_t channels = d->channels - c < BLOCK ? d->channels - c : BLOCK;
        for (int32_t row = 0, done; row < rows; row += done) {
            const bool tall = stride && row + 1 < rows;
            const int32_t most = tall ? TALL_COLUMNS : COLUMNS;
            done = tall ? 2 : 1;
            for (int32_t column = 0; column < d->out_width; column += most) {
                const int32_t columns = d->out_width - column < most ? d->out_width - column : most;
                const int8_t *from = in + row * d->in_row + column * d->in_column + c;
                int8_t *to = out + row * d->out_row + (ptrdiff_t)column * d->channels + c;
                if (tall) {
                    run_tall_tile(d, stride, packed, from, to, channels, columns);
                } else {
                    run_tile(d, packed, from, to, channels, columns);
                }
            }
        }
    }
}
