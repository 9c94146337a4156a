/* Depthwise convolution on 256-bit vectors: each lane sums TAPS vertically adjacent taps of one channel. A set's dot.h says
 * how; include that first, once in a file.
 *
 * For a block of 16 channels the input's columns are interleaved first: of TAPS rows, the values of one channel side by side.
 * All horizontal taps use an interleaved column, and where the next output row begins one tap lower that row uses it too: its
 * weights are those of the first, moved down by one. The kernel's rows make several groups of TAPS.
 *
 * Packed: for each block {bias (16), scale (16), weights (width, groups, 2 output rows, 16 channels, TAPS)}. */
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "requantize.h"

enum {
    BLOCK = 16,
    SLOTS = 128,         /* interleaved columns, times groups, at once */
    SLOT = BLOCK * TAPS, /* inputs, and weights of one output row, in a group's column */
    GROUP_WEIGHTS = 2 * SLOT,
};

typedef struct block_header {
    int32_t bias[BLOCK];
    float scale[BLOCK];
} block_header;

/* Of the kernel's rows and, if that needs no more than one group more, of one row below. */
static int32_t groups_of(int32_t height) {
    return TAPS == 2 ? height / TAPS + 1 : (height + TAPS - 1) / TAPS;
}

static size_t block_bytes(int32_t height, int32_t width) {
    return sizeof(block_header) + (size_t)width * (size_t)groups_of(height) * GROUP_WEIGHTS * sizeof(eq_dot_weight);
}

size_t NAME(depthwise_packed_bytes)(const eq_depthwise_weights *w) {
    return block_bytes(w->height, w->width) * (size_t)((w->channels + BLOCK - 1) / BLOCK);
}

/* Where the weight of tap (x, y) is, of channel `lane` of the block, for output row 0 or 1. */
static size_t weight_index(int32_t height, int32_t x, int32_t y, int32_t lane, int32_t row) {
    const size_t group = (size_t)x * (size_t)groups_of(height) + (size_t)((y + row) / TAPS);
    return group * GROUP_WEIGHTS + (size_t)(row * SLOT + lane * TAPS + (y + row) % TAPS);
}

void NAME(depthwise_pack)(const eq_depthwise_weights *w, void *packed) {
    for (int32_t c = 0; c < w->channels; c++) {
        char *block = (char *)packed + (size_t)(c / BLOCK) * block_bytes(w->height, w->width);
        block_header *header = (block_header *)(void *)block;
        eq_dot_weight *weights = (eq_dot_weight *)(void *)(header + 1);
        uint32_t sum = 0;
        for (int32_t y = 0; y < w->height; y++) {
            for (int32_t x = 0; x < w->width; x++) {
                const int8_t weight = w->weights[((size_t)y * (size_t)w->width + (size_t)x) * (size_t)w->channels + (size_t)c];
                for (int32_t row = 0; row < 2 && (y + row) / TAPS < groups_of(w->height); row++) {
                    weights[weight_index(w->height, x, y, c % BLOCK, row)] = weight;
                }
                sum += (uint32_t)weight;
            }
        }
        header->bias[c % BLOCK] = (int32_t)((uint32_t)w->bias[c] - IN_OFFSET * sum);
        header->scale[c % BLOCK] = w->scale[c];
    }
}

/* A strip of output columns of one or two rows, for one block of channels. */
typedef struct strip {
    const eq_depthwise *depthwise;
    const block_header *header;
    const int8_t *in; /* the first window's first tap in the block */
    int8_t *out;
    int32_t channels;          /* of the block that exist */
    int32_t rows, groups;      /* of taps, including those that only the second output row has */
    ptrdiff_t slot_column;     /* bytes between interleaved columns */
    int32_t slots, step, tap;  /* interleaved columns; those between outputs, and between taps */
    int32_t most, columns;     /* of outputs that the interleaved columns can serve, and that they do */
    eq_dot_input *interleaved; /* (slots, groups, 16 channels, TAPS) */
} strip;

static void interleave_strip(const strip *s) {
    for (int32_t g = 0; g < s->groups; g++) {
        const int8_t *from[TAPS];
        for (int32_t i = 0; i < TAPS; i++) { /* rows past the last have no weights; any will do */
            from[i] = s->in + (TAPS * g + i < s->rows ? TAPS * g + i : 0) * s->depthwise->tap_row;
        }
        for (int32_t slot = 0; slot < s->slots; slot++) {
            __m256i channels[2];
            interleave(from, slot * s->slot_column, channels);
            eq_dot_input *to = s->interleaved + ((ptrdiff_t)slot * s->groups + g) * SLOT;
            _mm256_store_si256((__m256i *)(void *)to, channels[0]);
            _mm256_store_si256((__m256i *)(void *)(to + SLOT / 2), channels[1]);
        }
    }
}

/* `columns` (1 or 2) neighbouring outputs of `rows` (1 or 2) rows. */
EQ_INLINE void run_pixels(const strip *s, const requantization *to, const eq_dot_input *in, int8_t *out, const int rows,
                          const int columns, const bool small) {
    const int32_t stored_groups = groups_of(s->depthwise->height);
    const eq_dot_weight *weights = (const eq_dot_weight *)(const void *)(s->header + 1);
    const ptrdiff_t next = (ptrdiff_t)s->step * s->groups * SLOT, tap = (ptrdiff_t)s->tap * s->groups * SLOT;
    __m256i acc[2][2][2]; /* (rows, columns, vectors) */
#define LOAD(from, v) _mm256_load_si256((const __m256i *)(const void *)((from) + (v) * (SLOT / 2)))
    acc[0][0][0] = _mm256_load_si256((const __m256i *)(const void *)s->header->bias);
    acc[0][0][1] = _mm256_load_si256((const __m256i *)(const void *)(s->header->bias + 8));
    acc[0][1][0] = acc[1][0][0] = acc[1][1][0] = acc[0][0][0];
    acc[0][1][1] = acc[1][0][1] = acc[1][1][1] = acc[0][0][1];
    for (int32_t x = 0; x < s->depthwise->width; x++, in += tap, weights += stored_groups * GROUP_WEIGHTS) {
        for (int32_t g = 0; g < s->groups; g++) {
#define ADD(v)                                                          \
    {                                                                   \
        const __m256i w0 = LOAD(weights + g * GROUP_WEIGHTS, v);        \
        const __m256i w1 = LOAD(weights + g * GROUP_WEIGHTS + SLOT, v); \
        const __m256i in0 = LOAD(in + g * SLOT, v);                     \
        acc[0][0][v] = dot(acc[0][0][v], in0, w0);                      \
        if (rows == 2)                                                  \
            acc[1][0][v] = dot(acc[1][0][v], in0, w1);                  \
        if (columns == 2) {                                             \
            const __m256i in1 = LOAD(in + next + g * SLOT, v);          \
            acc[0][1][v] = dot(acc[0][1][v], in1, w0);                  \
            if (rows == 2)                                              \
                acc[1][1][v] = dot(acc[1][1][v], in1, w1);              \
        }                                                               \
    }
            ADD(0)
            ADD(1)
        }
    }
    const __m256 scale0 = _mm256_load_ps(s->header->scale), scale1 = _mm256_load_ps(s->header->scale + 8);
#define STORE(row)                                                                                            \
    {                                                                                                         \
        const __m256i bytes =                                                                                 \
            packed(scaled(acc[row][0][0], scale0, to, small), scaled(acc[row][0][1], scale1, to, small),      \
                   scaled(acc[row][1][0], scale0, to, small), scaled(acc[row][1][1], scale1, to, small), to); \
        int8_t *pixel = out + row * s->depthwise->out_row;                                                    \
        store_bytes(pixel, _mm256_castsi256_si128(bytes), s->channels);                                       \
        if (columns == 2)                                                                                     \
            store_bytes(pixel + s->depthwise->channels, _mm256_extracti128_si256(bytes, 1), s->channels);     \
    }
    STORE(0)
    if (rows == 2) {
        STORE(1)
    }
}

EQ_INLINE void run_strip(const strip *s, const int rows, const bool small) {
    const requantization to = requantization_to(s->depthwise->zero_point, s->depthwise->min, s->depthwise->max);
    const ptrdiff_t next = (ptrdiff_t)s->step * s->groups * SLOT;
    const eq_dot_input *in = s->interleaved;
    int8_t *out = s->out;
    int32_t column = 0;
    for (; column + 2 <= s->columns; column += 2, in += 2 * next, out += 2 * s->depthwise->channels) {
        run_pixels(s, &to, in, out, rows, 2, small);
    }
    if (column < s->columns) {
        run_pixels(s, &to, in, out, rows, 1, small);
    }
}

static void run_strip_1(const strip *s) {
    if (s->depthwise->small) {
        run_strip(s, 1, true);
    } else {
        run_strip(s, 1, false);
    }
}

static void run_strip_2(const strip *s) {
    if (s->depthwise->small) {
        run_strip(s, 2, true);
    } else {
        run_strip(s, 2, false);
    }
}

#include "kernels/strip_layout.h"

/* One or two rows of one block of channels. */
static void run_rows(strip *s, int32_t rows) {
    const eq_depthwise *d = s->depthwise;
    s->rows = d->height + rows - 1;
    for (int32_t column = 0; column < d->out_width; column += s->columns) {
        s->columns = d->out_width - column < s->most ? d->out_width - column : s->most;
        s->slots = (int32_t)slots_for(s, s->columns);
        interleave_strip(s);
        if (rows == 2) {
            run_strip_2(s);
        } else {
            run_strip_1(s);
        }
        s->in += s->columns * d->in_column;
        s->out += (ptrdiff_t)s->columns * d->channels;
    }
}

/* One output row of a kernel that is too wide for the interleaved columns, from the packed weights. */
static void run_wide_row(const strip *s) {
    const eq_depthwise *d = s->depthwise;
    const eq_dot_weight *weights = (const eq_dot_weight *)(const void *)(s->header + 1);
    for (int32_t column = 0; column < d->out_width; column++) {
        for (int32_t c = 0; c < s->channels; c++) {
            const int8_t *in = s->in + column * d->in_column + c;
            int32_t acc = s->header->bias[c];
            for (int32_t y = 0; y < d->height; y++) {
                for (int32_t x = 0; x < d->width; x++) {
                    acc = eq_add_wrapping(acc, (in[y * d->tap_row + x * d->tap_column] + IN_OFFSET) *
                                                   weights[weight_index(d->height, x, y, c, 0)]);
                }
            }
            s->out[(ptrdiff_t)column * d->channels + c] =
                eq_requantize(acc, s->header->scale[c], d->zero_point, d->min, d->max);
        }
    }
}

void NAME(depthwise_run)(const eq_depthwise *d, const int8_t *in, int8_t *out, int32_t rows) {
    _Alignas(32) eq_dot_input interleaved[SLOTS * SLOT];
    /* Two rows share columns if the second begins one tap lower, and there are weights for that. */
    const bool is_wide = (int64_t)d->width * groups_of(d->height) > SLOTS;
    const bool together = d->in_row == d->tap_row && d->height < groups_of(d->height) * TAPS && !is_wide;
    const char *block = d->packed;
    strip s = {.depthwise = d, .interleaved = interleaved};
    s.groups = together ? groups_of(d->height) : (d->height + TAPS - 1) / TAPS;
    if (!is_wide) {
        lay_out(&s);
    }
    for (int32_t c = 0; c < d->channels; c += BLOCK, block += block_bytes(d->height, d->width)) {
        s.header = (const block_header *)(const void *)block;
        s.channels = d->channels - c < BLOCK ? d->channels - c : BLOCK;
        for (int32_t row = 0, now; row < rows; row += now) {
            now = together && rows - row >= 2 ? 2 : 1;
            s.in = in + row * d->in_row + c;
            s.out = out + row * d->out_row + c;
            if (is_wide) {
                run_wide_row(&s);
            } else {
                run_rows(&s, now);
            }
        }
    }
}
