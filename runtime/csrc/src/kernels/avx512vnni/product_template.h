/* Products with vpdpbusd, 64 multiply-accumulates an instruction, of int8 and of dynamic range. Include after
 *
 *     product        eq_gemm or eq_gemm_dynamic
 *     destination    where results go
 *     block_header   what is packed before the weights of 32 columns
 *
 * The instruction multiplies unsigned by signed bytes, so inputs are taken as in + 128 (the top bit flipped), and sums begin
 * less 128 * sum(weights). A call copies its rows, flipped, to a panel of adjacent bytes, where the segments of a window
 * join: that costs one load and store for 64 bytes and saves a flip in the inner loop and the padding of short segments.
 *
 * Packed: blocks of 32 columns, each {block_header, weights (steps, 32, 4)} where a step is four bytes of the
 * window and `steps` covers all segments; columns and bytes past the end are zero. */
#include <immintrin.h>
#include <string.h>

#include "kernels/inline.h"

enum {
    TILE_ROWS = 12,         /* 12 x 2 accumulators leave 8 registers for operands */
    CHUNK = 2048,           /* bytes of a window in the panel at once */
    PANEL_ROW = CHUNK + 64, /* rows do not fall on the same cache sets */
    STEP_BYTES = BLOCK * 4,
};

static int32_t steps_of(int32_t segments, int32_t segment_bytes) {
    return (int32_t)(((int64_t)segments * segment_bytes + 3) / 4);
}

static size_t block_bytes(int32_t steps) {
    return sizeof(block_header) + (size_t)steps * BLOCK * 4;
}

/* The weights of a column, `taps` of them, at `to` and on in its block; returns their sum. */
static int32_t pack_column(const int8_t *weights, int32_t taps, int8_t *to) {
    uint32_t sum = 0;
    for (int32_t k = 0; k < taps; k++) {
        to[(size_t)(k / 4) * STEP_BYTES + (size_t)(k % 4)] = weights[k];
        sum += (uint32_t)weights[k];
    }
    return (int32_t)sum;
}

/* Copy `n` bytes at `offset` of each row to `panel`, as in + 128; up to 63 more are copied too. */
EQ_INLINE void copy_run(const int8_t *const *in, ptrdiff_t offset, int32_t n, int32_t rows, uint8_t *panel) {
    const __m512i flip = _mm512_set1_epi8(-128);
    if (n <= 16) {
        for (int32_t r = 0; r < rows; r++) {
            _mm_storeu_si128(
                (__m128i *)(void *)(panel + r * PANEL_ROW),
                _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)(in[r] + offset)), _mm512_castsi512_si128(flip)));
        }
    } else if (n <= 64) {
        for (int32_t r = 0; r < rows; r++) {
            _mm512_storeu_si512(panel + r * PANEL_ROW, _mm512_xor_si512(_mm512_loadu_si512(in[r] + offset), flip));
        }
    } else {
        for (int32_t r = 0; r < rows; r++) {
            for (int32_t k = 0; k < n; k += 64) {
                _mm512_storeu_si512(panel + r * PANEL_ROW + k, _mm512_xor_si512(_mm512_loadu_si512(in[r] + offset + k), flip));
            }
        }
    }
}

/* Copy bytes `first` to first + bytes - 1 of the rows' windows, their segments joined. */
static void copy_windows(const product *g, const int8_t *const *in, int32_t first, int32_t bytes, int32_t rows,
                         uint8_t *panel) {
    int32_t segment = 0, at = first;
    if (first) {
        segment = first / g->segment_bytes, at = first % g->segment_bytes;
    }
    while (bytes > 0) {
        const int32_t rest = g->segment_bytes - at, n = rest < bytes ? rest : bytes;
        copy_run(in, g->segment_offsets[segment++] + at, n, rows, panel);
        panel += n;
        bytes -= n;
        at = 0;
    }
}

typedef struct tile {
    const product *gemm;
    const uint8_t *panel;      /* (rows, PANEL_ROW) */
    int32_t first_step, steps; /* of this chunk */
    bool is_last;
    int32_t *partial; /* (rows, BLOCK): accumulators between chunks */
    destination to;
} tile;

/* Written out instead of a loop: only so do all compilers keep arrays of accumulators in registers. */
#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)

/* acc += in * weights, as an instruction: gcc would add moves between accumulators. */
#define ACCUMULATE(acc, in, weights) __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(in), "v"(weights))
#define ACCUMULATE_LOADED(acc, in, weights) \
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(in), "m"(*(const __m512i *)(const void *)(weights)))

EQ_INLINE __m512i four_bytes(const uint8_t *from) {
    int32_t four;
    memcpy(&four, from, 4);
    return _mm512_set1_epi32(four);
}

/* What the file that includes this defines after it: where the sum of a row and of vector `v` of a block's columns begins, */
EQ_INLINE __m512i first_sum(const tile *t, const block_header *header, int r, int v);
/* and what becomes of the sums of `rows` rows and `vectors` vectors, of which `mask` are columns, and of one row's in two blocks. */
EQ_INLINE void finish(const tile *t, __m512i acc[][2], const block_header *header, int32_t column, __mmask32 mask,
                      const int rows, const int vectors);
EQ_INLINE void finish_two_blocks(const tile *t, const __m512i acc[4], const block_header *const header[2], int32_t column);

/* One step of four bytes, for `rows` x `vectors` accumulators. */
EQ_INLINE void add_step(__m512i acc[][2], const uint8_t *in, const int8_t *weights, const int rows, const int vectors) {
    const __m512i w0 = _mm512_load_si512(weights), w1 = _mm512_load_si512(weights + 64);
#define ADD(r)                                            \
    if (r < rows) {                                       \
        const __m512i x = four_bytes(in + r * PANEL_ROW); \
        ACCUMULATE(acc[r][0], x, w0);                     \
        if (vectors == 2)                                 \
            ACCUMULATE(acc[r][1], x, w1);                 \
    }
    EACH_ROW(ADD)
}

/* `rows` x `vectors` accumulators, `phases` times over so that there are enough to hide the instruction's latency. */
EQ_INLINE void run_tile(const tile *t, const int8_t *packed, int32_t column, __mmask32 mask, const int rows, const int vectors,
                        const int phases) {
    const block_header *header = (const block_header *)(const void *)packed;
    const int8_t *weights = (const int8_t *)(header + 1) + (size_t)t->first_step * STEP_BYTES;
    const uint8_t *in = t->panel;
    __m512i acc[TILE_ROWS][2], acc1[TILE_ROWS][2], acc2[TILE_ROWS][2], acc3[TILE_ROWS][2];
#define START(r)                                                                                                     \
    if (r < rows) {                                                                                                  \
        acc[r][0] = t->first_step ? _mm512_load_si512(t->partial + r * BLOCK) : first_sum(t, header, r, 0);          \
        if (vectors == 2)                                                                                            \
            acc[r][1] = t->first_step ? _mm512_load_si512(t->partial + r * BLOCK + 16) : first_sum(t, header, r, 1); \
        acc1[r][0] = acc1[r][1] = acc2[r][0] = acc2[r][1] = _mm512_setzero_si512();                                  \
        acc3[r][0] = acc3[r][1] = _mm512_setzero_si512();                                                            \
    }
    EACH_ROW(START)
    int32_t steps = t->steps;
    for (; steps >= phases; steps -= phases, weights += phases * STEP_BYTES, in += phases * 4) {
        add_step(acc, in, weights, rows, vectors);
        if (phases >= 2) {
            add_step(acc1, in + 4, weights + STEP_BYTES, rows, vectors);
        }
        if (phases == 4) {
            add_step(acc2, in + 8, weights + 2 * STEP_BYTES, rows, vectors);
        }
        if (phases == 4) {
            add_step(acc3, in + 12, weights + 3 * STEP_BYTES, rows, vectors);
        }
    }
    if (phases > 1) {
        for (; steps > 0; steps--, weights += STEP_BYTES, in += 4) {
            add_step(acc, in, weights, rows, vectors);
        }
    }
#define JOIN(r, v)                                                                             \
    if (r < rows && v < vectors) {                                                             \
        if (phases >= 2)                                                                       \
            acc[r][v] = _mm512_add_epi32(acc[r][v], acc1[r][v]);                               \
        if (phases == 4)                                                                       \
            acc[r][v] = _mm512_add_epi32(acc[r][v], _mm512_add_epi32(acc2[r][v], acc3[r][v])); \
        if (!t->is_last)                                                                       \
            _mm512_store_si512(t->partial + r * BLOCK + 16 * v, acc[r][v]);                    \
    }
#define JOIN_ROW(r) JOIN(r, 0) JOIN(r, 1)
    EACH_ROW(JOIN_ROW)
    if (!t->is_last) {
        return;
    }
    finish(t, acc, header, column, mask, rows, vectors);
}

#define TILE(rows)                                                                                  \
    static void tile_##rows(const tile *t, const int8_t *packed, int32_t column, int32_t columns) { \
        const __mmask32 mask = 0xffffffffu >> (BLOCK - columns);                                    \
        if (columns > 16)                                                                           \
            run_tile(t, packed, column, mask, rows, 2, PHASES(2 * rows));                           \
        else                                                                                        \
            run_tile(t, packed, column, mask, rows, 1, PHASES(rows));                               \
    }
#define PHASES(accumulators) ((accumulators) >= 10 ? 1 : (accumulators) >= 5 ? 2 : 4)
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)

typedef void (*tile_fn)(const tile *t, const int8_t *packed, int32_t column, int32_t columns);

static const tile_fn tiles[TILE_ROWS] = {tile_1, tile_2, tile_3, tile_4,  tile_5,  tile_6,
                                         tile_7, tile_8, tile_9, tile_10, tile_11, tile_12};

/* One row and the 64 columns of two blocks, in two phases: a fully connected layer reads its weights as fast as it can. */
static void run_two_blocks(const tile *t, const int8_t *blocks, size_t bytes, int32_t column) {
    const block_header *header[2] = {(const void *)blocks, (const void *)(blocks + bytes)};
    const int8_t *weights = (const int8_t *)(header[0] + 1);
    const uint8_t *in = t->panel;
    __m512i a0 = first_sum(t, header[0], 0, 0), a1 = first_sum(t, header[0], 0, 1);
    __m512i a2 = first_sum(t, header[1], 0, 0), a3 = first_sum(t, header[1], 0, 1);
    __m512i b0 = _mm512_setzero_si512(), b1 = b0, b2 = b0, b3 = b0;
#define STEP(acc, x, from)                        \
    ACCUMULATE_LOADED(acc##0, x, from);           \
    ACCUMULATE_LOADED(acc##1, x, (from) + 64);    \
    ACCUMULATE_LOADED(acc##2, x, (from) + bytes); \
    ACCUMULATE_LOADED(acc##3, x, (from) + bytes + 64);
    int32_t steps = t->steps;
    for (; steps >= 2; steps -= 2, weights += 2 * STEP_BYTES, in += 8) {
        const __m512i x = four_bytes(in), y = four_bytes(in + 4);
        STEP(a, x, weights)
        STEP(b, y, weights + STEP_BYTES)
    }
    if (steps) {
        const __m512i x = four_bytes(in);
        STEP(a, x, weights)
    }
    const __m512i sums[4] = {_mm512_add_epi32(a0, b0), _mm512_add_epi32(a1, b1), _mm512_add_epi32(a2, b2),
                             _mm512_add_epi32(a3, b3)};
    finish_two_blocks(t, sums, header, column);
}

static void run_rows(const product *g, const int8_t *const *in, destination to, int32_t rows, int32_t first_column,
                     int32_t last_column) {
    uint8_t panel[TILE_ROWS * PANEL_ROW];
    _Alignas(64) int32_t partial[TILE_ROWS * BLOCK];
    const int32_t taps = g->segments * g->segment_bytes;
    const size_t bytes = block_bytes(steps_of(g->segments, g->segment_bytes));
    tile t = {.gemm = g, .panel = panel, .partial = partial, .to = to};
    for (int32_t column = first_column; column < last_column; column += BLOCK) {
        const int32_t columns = last_column - column < BLOCK ? last_column - column : BLOCK;
        const int8_t *packed = (const int8_t *)g->packed + (size_t)(column / BLOCK) * bytes;
        for (int32_t k = 0, n; k < taps; k += n) {
            n = taps - k < CHUNK ? taps - k : CHUNK;
            if (column == first_column || taps > CHUNK) {
                copy_windows(g, in, k, n, rows, panel);
            }
            t.first_step = k / 4;
            t.steps = (n + 3) / 4;
            t.is_last = k + n == taps;
            if (rows == 1 && n == taps && last_column - column >= 2 * BLOCK) {
                run_two_blocks(&t, packed, bytes, column);
                column += BLOCK;
                continue;
            }
            tiles[rows - 1](&t, packed, column, columns);
        }
    }
}

/* The rows of the next call of run_rows: the last two tiles share what is left. */
static int32_t rows_at_once(int32_t left) {
    return left >= 2 * TILE_ROWS || left == TILE_ROWS ? TILE_ROWS : left > TILE_ROWS ? (left + 1) / 2 : left;
}
