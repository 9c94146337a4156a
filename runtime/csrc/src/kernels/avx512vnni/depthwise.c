/* Depthwise convolution with vpdpbusd: each lane sums four vertically adjacent taps of one channel.
 *
 * For a block of up to 64 channels the input's columns are interleaved first: of four rows, the bytes of one channel side by
 * side, as in + 128. All horizontal taps use an interleaved column, and where the next output row begins one tap lower that
 * row uses it too: with weights (w0, w1, w2, 0) for the first and (0, w0, w1, w2) for the second. Taller kernels have
 * several groups of four rows.
 *
 * A block of 32 or 16 channels fills the vector with 2 or 4 streams: parts of the output row, side by side.
 *
 * Packed: for each block {bias (64), scale (64), weights (width, groups, 2 output rows, 4 vectors, 16 lanes, 4 rows)}; lane
 * 4 j + i of vector v has channel 16 j + 4 v + i, modulo the block's channels: packing to bytes restores the order. */
#include <string.h>

#include "arithmetic/arithmetic.h"
#include "requantize.h"
#include "set.h"

enum {
    BLOCK = 64,
    SLOTS = 64, /* interleaved columns, times groups, at once: 16 KiB */
    SLOT_BYTES = 4 * 64,
    WEIGHTS = 2 * SLOT_BYTES, /* of a tap's group: both output rows */
};

typedef struct block_header {
    int32_t bias[BLOCK];
    float scale[BLOCK];
} block_header;

static int32_t groups_of(int32_t height) {
    return (height + 3) / 4;
}

static size_t block_bytes(int32_t height, int32_t width) {
    return sizeof(block_header) + (size_t)width * (size_t)groups_of(height) * WEIGHTS;
}

/* Channels of the block's vectors: 64, 32 or 16, whatever wastes less. */
static int32_t block_channels(int32_t rest) {
    return rest > 48 ? 64 : rest > 16 ? 32 : 16;
}

size_t eq_avx512vnni_depthwise_packed_bytes(const eq_depthwise_weights *w) {
    size_t blocks = 0;
    for (int32_t c = 0; c < w->channels; c += block_channels(w->channels - c)) {
        blocks++;
    }
    return blocks * block_bytes(w->height, w->width);
}

/* A lane's place in a block's vectors of 32-bit values. */
static int32_t lane_channel(int32_t lane, int32_t channels) {
    const int32_t vector = lane / 16, part = lane % 16 / 4;
    return (16 * part + 4 * vector + lane % 4) % channels;
}

static void pack_block(const eq_depthwise_weights *w, int32_t first, int32_t channels, block_header *header) {
    const int32_t groups = groups_of(w->height);
    for (int32_t lane = 0; lane < BLOCK; lane++) {
        const int32_t c = first + lane_channel(lane, channels);
        if (c >= w->channels) {
            continue;
        }
        uint32_t sum = 0;
        for (int32_t x = 0; x < w->width; x++) {
            for (int32_t y = 0; y < w->height; y++) {
                const int8_t weight = w->weights[((size_t)y * (size_t)w->width + (size_t)x) * (size_t)w->channels + (size_t)c];
                for (int32_t row = 0; row < 2 && (y + row) / 4 < groups; row++) {
                    const size_t group = (size_t)x * (size_t)groups + (size_t)((y + row) / 4);
                    ((int8_t *)(header + 1))[group * WEIGHTS + (size_t)(row * SLOT_BYTES + 4 * lane + (y + row) % 4)] = weight;
                }
                sum += (uint32_t)weight;
            }
        }
        header->bias[lane] = (int32_t)((uint32_t)w->bias[c] - 128 * sum);
        header->scale[lane] = w->scale[c];
    }
}

void eq_avx512vnni_depthwise_pack(const eq_depthwise_weights *w, void *packed) {
    for (int32_t c = 0, n; c < w->channels; c += n) {
        n = block_channels(w->channels - c);
        pack_block(w, c, n, packed);
        packed = (char *)packed + block_bytes(w->height, w->width);
    }
}

/* A strip of output columns of one or two rows, for one block of channels. */
typedef struct strip {
    const eq_depthwise *depthwise;
    const block_header *header;
    const int8_t *in; /* the first window's first tap in the block */
    int8_t *out;
    int32_t channels, existing, streams;   /* of the vectors: 64, 32 or 16; of those, in the tensor; 1, 2 or 4 */
    __mmask64 mask;                        /* of existing channels */
    ptrdiff_t in_stream[4], out_stream[4]; /* bytes from the first stream */
    int32_t stream_columns;
    int32_t rows, groups;     /* of taps, including those that only the second output row has; groups of four */
    ptrdiff_t slot_column;    /* bytes between interleaved columns */
    int32_t slots, step, tap; /* interleaved columns; those between outputs, and between taps */
    int32_t most, columns;    /* of outputs that the interleaved columns can serve, and that they do */
    uint8_t *interleaved;     /* (slots, groups, 4, 64) */
} strip;

/* One row of 64 bytes: of every stream. */
EQ_INLINE __m512i load_row(const int8_t *from, const ptrdiff_t stream[4], const int streams) {
    if (streams == 1) {
        return _mm512_loadu_si512(from);
    }
    if (streams == 2) {
        return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)from)),
                                  _mm256_loadu_si256((const __m256i *)(const void *)(from + stream[1])), 1);
    }
    __m512i row = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)(const void *)from));
    row = _mm512_inserti32x4(row, _mm_loadu_si128((const __m128i *)(const void *)(from + stream[1])), 1);
    row = _mm512_inserti32x4(row, _mm_loadu_si128((const __m128i *)(const void *)(from + stream[2])), 2);
    return _mm512_inserti32x4(row, _mm_loadu_si128((const __m128i *)(const void *)(from + stream[3])), 3);
}

EQ_INLINE void interleave_column(const strip *s, const int8_t *const from[4], ptrdiff_t at, uint8_t *to, const int streams) {
    const __m512i flip = _mm512_set1_epi8(-128);
    const __m512i r0 = load_row(from[0] + at, s->in_stream, streams), r1 = load_row(from[1] + at, s->in_stream, streams);
    const __m512i r2 = load_row(from[2] + at, s->in_stream, streams), r3 = load_row(from[3] + at, s->in_stream, streams);
    const __m512i low01 = _mm512_xor_si512(_mm512_unpacklo_epi8(r0, r1), flip);
    const __m512i high01 = _mm512_xor_si512(_mm512_unpackhi_epi8(r0, r1), flip);
    const __m512i low23 = _mm512_xor_si512(_mm512_unpacklo_epi8(r2, r3), flip);
    const __m512i high23 = _mm512_xor_si512(_mm512_unpackhi_epi8(r2, r3), flip);
    _mm512_store_si512(to, _mm512_unpacklo_epi16(low01, low23));
    _mm512_store_si512(to + 64, _mm512_unpackhi_epi16(low01, low23));
    _mm512_store_si512(to + 128, _mm512_unpacklo_epi16(high01, high23));
    _mm512_store_si512(to + 192, _mm512_unpackhi_epi16(high01, high23));
}

EQ_INLINE void interleave_streams(const strip *s, const int streams) {
    for (int32_t g = 0; g < s->groups; g++) {
        const int8_t *from[4];
        for (int32_t i = 0; i < 4; i++) { /* rows past the last have no weights; any will do */
            from[i] = s->in + (4 * g + i < s->rows ? 4 * g + i : 0) * s->depthwise->tap_row;
        }
        uint8_t *to = s->interleaved + g * SLOT_BYTES;
        for (int32_t slot = 0; slot < s->slots; slot++) {
            interleave_column(s, from, slot * s->slot_column, to + (ptrdiff_t)slot * s->groups * SLOT_BYTES, streams);
        }
    }
}

static void interleave(const strip *s) {
    if (s->streams == 1) {
        interleave_streams(s, 1);
    } else if (s->streams == 2) {
        interleave_streams(s, 2);
    } else {
        interleave_streams(s, 4);
    }
}

EQ_INLINE void store_pixel(const strip *s, __m512i bytes, int8_t *out) {
    if (s->streams == 1) {
        _mm512_mask_storeu_epi8(out, s->mask, bytes);
    } else if (s->streams == 2) {
        _mm256_mask_storeu_epi8(out, (__mmask32)s->mask, _mm512_castsi512_si256(bytes));
        _mm256_mask_storeu_epi8(out + s->out_stream[1], (__mmask32)s->mask, _mm512_extracti64x4_epi64(bytes, 1));
    } else {
        _mm_mask_storeu_epi8(out, (__mmask16)s->mask, _mm512_castsi512_si128(bytes));
        _mm_mask_storeu_epi8(out + s->out_stream[1], (__mmask16)s->mask, _mm512_extracti32x4_epi32(bytes, 1));
        _mm_mask_storeu_epi8(out + s->out_stream[2], (__mmask16)s->mask, _mm512_extracti32x4_epi32(bytes, 2));
        _mm_mask_storeu_epi8(out + s->out_stream[3], (__mmask16)s->mask, _mm512_extracti32x4_epi32(bytes, 3));
    }
}

/* acc += in * weights, as an instruction: gcc would add moves between accumulators. */
#define ACCUMULATE(acc, in, weights) __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(in), "v"(weights))

/* Written out, not looped over: so that all compilers keep accumulators in registers. */
#define EACH_VECTOR(DO, ...) DO(0, __VA_ARGS__) DO(1, __VA_ARGS__) DO(2, __VA_ARGS__) DO(3, __VA_ARGS__)

/* `columns` (1 or 2) neighbouring outputs of `rows` (1 or 2) rows. */
EQ_INLINE void run_pixels(const strip *s, const requantization *to, const uint8_t *in, int8_t *out, const int rows,
                          const int columns, const bool limited) {
    const int8_t *weights = (const int8_t *)(s->header + 1);
    const ptrdiff_t next = (ptrdiff_t)s->step * s->groups * SLOT_BYTES, tap = (ptrdiff_t)s->tap * s->groups * SLOT_BYTES;
    __m512i acc[2][2][4]; /* (rows, columns, vectors) */
#define START(v, _) acc[0][0][v] = acc[0][1][v] = acc[1][0][v] = acc[1][1][v] = _mm512_load_si512(s->header->bias + 16 * v);
    EACH_VECTOR(START, )
    for (int32_t x = 0; x < s->depthwise->width; x++, in += tap) {
        for (int32_t g = 0; g < s->groups; g++, weights += WEIGHTS) {
#define LOAD(from, v) _mm512_load_si512((from) + g * SLOT_BYTES + 64 * (v))
#define ADD(v, _)                                                            \
    {                                                                        \
        const __m512i w0 = _mm512_load_si512(weights + 64 * v);              \
        const __m512i w1 = _mm512_load_si512(weights + SLOT_BYTES + 64 * v); \
        const __m512i in0 = LOAD(in, v);                                     \
        ACCUMULATE(acc[0][0][v], in0, w0);                                   \
        if (rows == 2)                                                       \
            ACCUMULATE(acc[1][0][v], in0, w1);                               \
        if (columns == 2) {                                                  \
            const __m512i in1 = LOAD(in + next, v);                          \
            ACCUMULATE(acc[0][1][v], in1, w0);                               \
            if (rows == 2)                                                   \
                ACCUMULATE(acc[1][1][v], in1, w1);                           \
        }                                                                    \
    }
            EACH_VECTOR(ADD, )
        }
    }
#define SCALED(row, column, v) scaled(acc[row][column][v], _mm512_load_ps(s->header->scale + 16 * v), to, limited)
#define BYTES(row, column) \
    packed(SCALED(row, column, 0), SCALED(row, column, 1), SCALED(row, column, 2), SCALED(row, column, 3), to, limited)
#define STORE(row, column) \
    store_pixel(s, BYTES(row, column), out + row * s->depthwise->out_row + column * s->depthwise->channels);
    STORE(0, 0)
    if (columns == 2) {
        STORE(0, 1)
    }
    if (rows == 2) {
        STORE(1, 0)
    }
    if (rows == 2 && columns == 2) {
        STORE(1, 1)
    }
}

EQ_INLINE void run_strip(const strip *s, const int rows, const bool limited) {
    const requantization to = requantization_to(s->depthwise->zero_point, s->depthwise->min, s->depthwise->max);
    const ptrdiff_t next = (ptrdiff_t)s->step * s->groups * SLOT_BYTES;
    const uint8_t *in = s->interleaved;
    int8_t *out = s->out;
    int32_t column = 0;
    for (; column + 2 <= s->columns; column += 2, in += 2 * next, out += 2 * s->depthwise->channels) {
        run_pixels(s, &to, in, out, rows, 2, limited);
    }
    if (column < s->columns) {
        run_pixels(s, &to, in, out, rows, 1, limited);
    }
}

static void run_strip_1(const strip *s) {
    if (needs_limits(s->depthwise->small, s->depthwise->min, s->depthwise->max)) {
        run_strip(s, 1, true);
    } else {
        run_strip(s, 1, false);
    }
}

static void run_strip_2(const strip *s) {
    if (needs_limits(s->depthwise->small, s->depthwise->min, s->depthwise->max)) {
        run_strip(s, 2, true);
    } else {
        run_strip(s, 2, false);
    }
}

#include "kernels/strip_layout.h"

/* The output row's parts. The last may overlap the one before: it computes the same. */
static void find_streams(strip *s) {
    const eq_depthwise *d = s->depthwise;
    s->stream_columns = (d->out_width + s->streams - 1) / s->streams;
    for (int32_t i = 1; i < s->streams; i++) {
        const int32_t first = i * s->stream_columns, last = d->out_width - s->stream_columns;
        s->in_stream[i] = (first < last ? first : last) * d->in_column;
        s->out_stream[i] = (ptrdiff_t)(first < last ? first : last) * d->channels;
    }
}

/* One or two rows of one block of channels. */
static void run_rows(strip *s, int32_t rows) {
    s->rows = s->depthwise->height + rows - 1;
    for (int32_t column = 0; column < s->stream_columns; column += s->columns) {
        s->columns = s->stream_columns - column < s->most ? s->stream_columns - column : s->most;
        s->slots = (int32_t)slots_for(s, s->columns);
        interleave(s);
        if (rows == 2) {
            run_strip_2(s);
        } else {
            run_strip_1(s);
        }
        s->in += s->columns * s->depthwise->in_column;
        s->out += (ptrdiff_t)s->columns * s->depthwise->channels;
    }
}

/* One output value, from the packed weights. */
static void run_value(const strip *s, int32_t lane, const int8_t *in, int8_t *out) {
    const eq_depthwise *d = s->depthwise;
    const int8_t *weights = (const int8_t *)(s->header + 1) + 4 * lane;
    int32_t acc = s->header->bias[lane];
    for (int32_t x = 0; x < d->width; x++) {
        for (int32_t y = 0; y < d->height; y++) {
            const size_t group = (size_t)x * (size_t)s->groups + (size_t)(y / 4);
            const int32_t value = in[y * d->tap_row + x * d->tap_column];
            acc = eq_add_wrapping(acc, (value + 128) * weights[group * WEIGHTS + (size_t)(y % 4)]);
        }
    }
    *out = eq_requantize(acc, s->header->scale[lane], d->zero_point, d->min, d->max);
}

/* Kernels of more than 4 * SLOTS taps. */
static void run_wide_row(const strip *s) {
    const eq_depthwise *d = s->depthwise;
    for (int32_t column = 0; column < d->out_width; column++) {
        for (int32_t lane = 0; lane < BLOCK; lane++) {
            const int32_t c = lane_channel(lane, s->channels);
            if (c < s->existing) {
                run_value(s, lane, s->in + column * d->in_column + c, s->out + (ptrdiff_t)column * d->channels + c);
            }
        }
    }
}

void eq_avx512vnni_depthwise_run(const eq_depthwise *d, const int8_t *in, int8_t *out, int32_t rows) {
    _Alignas(64) uint8_t interleaved[SLOTS * SLOT_BYTES];
    /* Two rows share columns if the second begins one tap lower, and the last group has room for that tap. */
    const int32_t together = d->in_row == d->tap_row && d->height % 4 != 0 ? 2 : 1;
    strip s = {.depthwise = d, .groups = groups_of(d->height), .interleaved = interleaved};
    const bool is_wide = (int64_t)d->width * s.groups > SLOTS;
    const char *packed = d->packed;
    if (!is_wide) {
        lay_out(&s);
    }
    for (int32_t c = 0; c < d->channels; c += s.channels, packed += block_bytes(d->height, d->width)) {
        s.header = (const block_header *)(const void *)packed;
        s.channels = block_channels(d->channels - c);
        s.streams = BLOCK / s.channels;
        s.existing = d->channels - c < s.channels ? d->channels - c : s.channels;
        s.mask = ~(__mmask64)0 >> (BLOCK - s.existing);
        find_streams(&s);
        for (int32_t row = 0, now; row < rows; row += now) {
            now = rows - row < together || is_wide ? 1 : together;
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
