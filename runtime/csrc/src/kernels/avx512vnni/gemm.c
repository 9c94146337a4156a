/* Matrix products with vpdpbusd: 64 multiply-accumulates an instruction.
 *
 * The instruction multiplies unsigned by signed bytes, so inputs are taken as in + 128 (the top bit flipped), and the packed
 * bias has -128 * sum(weights). A call copies its rows, flipped, to a panel of adjacent bytes, where the segments of a window
 * join: that costs one load and store for 64 bytes and saves a flip in the inner loop and the padding of short segments.
 *
 * Packed: blocks of 32 columns, each {bias (32), scale (32), weights (steps, 32, 4)} where a step is four bytes of the
 * window and `steps` covers all segments; columns and bytes past the end are zero. */
#include <immintrin.h>
#include <string.h>

#include "set.h"

enum {
    BLOCK = 32,         /* columns in a block: two vectors */
    TILE_ROWS = 12,     /* 12 x 2 accumulators leave 8 registers for operands */
    CHUNK = 2048,       /* bytes of a window in the panel at once */
    PANEL_ROW = CHUNK + 64,
};

typedef struct block_header {
    int32_t bias[BLOCK];
    float scale[BLOCK];
} block_header;

static int32_t steps_of(int32_t segments, int32_t segment_bytes) {
    return (int32_t)(((int64_t)segments * segment_bytes + 3) / 4);
}

static size_t block_bytes(int32_t steps) {
    return sizeof(block_header) + (size_t)steps * BLOCK * 4;
}

size_t eq_avx512vnni_gemm_packed_bytes(const eq_gemm_weights *w) {
    return block_bytes(steps_of(w->segments, w->segment_bytes)) * (size_t)((w->columns + BLOCK - 1) / BLOCK);
}

void eq_avx512vnni_gemm_pack(const eq_gemm_weights *w, void *packed) {
    const int32_t taps = w->segments * w->segment_bytes;
    const size_t bytes = block_bytes(steps_of(w->segments, w->segment_bytes));
    for (int32_t n = 0; n < w->columns; n++) {
        block_header *header = (block_header *)((char *)packed + (size_t)(n / BLOCK) * bytes);
        int8_t *weights = (int8_t *)(header + 1) + n % BLOCK * 4;
        uint32_t sum = 0;
        for (int32_t k = 0; k < taps; k++) {
            const int8_t weight = w->weights[(size_t)n * (size_t)taps + (size_t)k];
            weights[(size_t)(k / 4) * (BLOCK * 4) + (size_t)(k % 4)] = weight;
            sum += (uint32_t)weight;
        }
        header->bias[n % BLOCK] = (int32_t)((uint32_t)w->bias[n] - 128 * sum);
        header->scale[n % BLOCK] = w->scale[n];
    }
}

/* Copy bytes `first` to first + bytes - 1 of the window at `in`, its segments joined, as in + 128. */
static void copy_window(const eq_gemm *g, const int8_t *in, int32_t first, int32_t bytes, uint8_t *to) {
    const __m512i flip = _mm512_set1_epi8(-128);
    int32_t segment = 0, at = first;
    if (first) segment = first / g->segment_bytes, at = first % g->segment_bytes;
    while (bytes > 0) {
        const int8_t *from = in + g->segment_offsets[segment++] + at;
        int32_t n = g->segment_bytes - at;
        if (n > bytes) n = bytes;
        for (int32_t k = 0; k < n; k += 64)
            _mm512_storeu_si512(to + k, _mm512_xor_si512(_mm512_loadu_si512(from + k), flip));
        to += n;
        bytes -= n;
        at = 0;
    }
}

typedef struct tile {
    const eq_gemm *gemm;
    const uint8_t *panel; /* (rows, PANEL_ROW) */
    int32_t first_step, steps; /* of this chunk */
    bool is_last;
    int32_t *partial; /* (rows, BLOCK): accumulators between chunks */
    int8_t *const *out;
} tile;

/* acc += weights * in + 128, as an instruction that neither gcc nor clang spoils with moves between accumulators. */
#define ACCUMULATE(acc, in, weights) __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(in), "v"(weights))

static inline __attribute__((always_inline)) __m512i scaled(__m512i acc, __m512 scale, __m512 high, bool small) {
    __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale);
    if (!small) x = _mm512_min_ps(x, high); /* the conversion takes what is too large as the least integer */
    return _mm512_cvtps_epi32(x);
}

/* Saturate 64 values and put the zero point in; rows of the result are adjacent, `vectors` dwords of 16 columns each. */
static inline __attribute__((always_inline)) __m512i packed_bytes(const eq_gemm *g, __m512i a, __m512i b, __m512i c, __m512i d,
                                                                  __m512i order) {
    const __m512i zero_point = _mm512_set1_epi16((int16_t)g->zero_point);
    const __m512i ab = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_point);
    const __m512i cd = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_point);
    __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(ab, cd));
    bytes = _mm512_max_epi8(bytes, _mm512_set1_epi8((int8_t)g->min));
    return _mm512_min_epi8(bytes, _mm512_set1_epi8((int8_t)g->max));
}

/* Requantize acc[rows][vectors] and store `mask` of the columns at t->out[r] + column. */
static inline __attribute__((always_inline)) void store_tile(const tile *t, __m512i acc[TILE_ROWS][2], const block_header *header,
                                                             int32_t column, __mmask32 mask, const int rows, const int vectors,
                                                             const bool small) {
    const __m512 high = _mm512_set1_ps((float)(t->gemm->max - t->gemm->zero_point));
    const __m512 scale[2] = {_mm512_loadu_ps(header->scale), _mm512_loadu_ps(header->scale + 16)};
    /* Packing leaves dword i of lane j with columns 4 j to 4 j + 3 of vector i: bring each vector's dwords together. */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const int rows_of_vector = 4 / vectors;
#pragma GCC unroll 12
    for (int r = 0; r < rows; r += rows_of_vector) {
        __m512i x[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            x[i] = r + i / vectors < rows ? scaled(acc[r + i / vectors][i % vectors], scale[i % vectors], high, small)
                                          : _mm512_setzero_si512();
        const __m512i bytes = packed_bytes(t->gemm, x[0], x[1], x[2], x[3], order);
        if (vectors == 2) {
            _mm256_mask_storeu_epi8(t->out[r] + column, mask, _mm512_castsi512_si256(bytes));
            if (r + 1 < rows) _mm256_mask_storeu_epi8(t->out[r + 1] + column, mask, _mm512_extracti64x4_epi64(bytes, 1));
        } else {
            const __mmask16 m = (__mmask16)mask;
            _mm_mask_storeu_epi8(t->out[r] + column, m, _mm512_castsi512_si128(bytes));
            if (r + 1 < rows) _mm_mask_storeu_epi8(t->out[r + 1] + column, m, _mm512_extracti32x4_epi32(bytes, 1));
            if (r + 2 < rows) _mm_mask_storeu_epi8(t->out[r + 2] + column, m, _mm512_extracti32x4_epi32(bytes, 2));
            if (r + 3 < rows) _mm_mask_storeu_epi8(t->out[r + 3] + column, m, _mm512_extracti32x4_epi32(bytes, 3));
        }
    }
}

/* One step of four bytes, for `rows` x `vectors` accumulators. */
static inline __attribute__((always_inline)) void add_step(__m512i acc[TILE_ROWS][2], const uint8_t *in, const int8_t *weights,
                                                           const int rows, const int vectors) {
    __m512i w[2];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) w[v] = _mm512_load_si512(weights + 64 * v);
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
        int32_t four;
        memcpy(&four, in + r * PANEL_ROW, 4);
        const __m512i x = _mm512_set1_epi32(four);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) ACCUMULATE(acc[r][v], x, w[v]);
    }
}

/* `rows` x `vectors` accumulators, `phases` times over so that there are enough to hide the instruction's latency. */
static inline __attribute__((always_inline)) void run_tile(const tile *t, const int8_t *packed, int32_t column, __mmask32 mask,
                                                           const int rows, const int vectors, const int phases) {
    const block_header *header = (const block_header *)(const void *)packed;
    const int8_t *weights = (const int8_t *)(header + 1) + (size_t)t->first_step * (BLOCK * 4);
    const uint8_t *in = t->panel;
    __m512i acc[4][TILE_ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            acc[0][r][v] = _mm512_loadu_si512(t->first_step ? t->partial + r * BLOCK + 16 * v : header->bias + 16 * v);
#pragma GCC unroll 4
            for (int p = 1; p < phases; p++) acc[p][r][v] = _mm512_setzero_si512();
        }
    int32_t steps = t->steps;
    for (; steps >= phases; steps -= phases, weights += phases * BLOCK * 4, in += phases * 4)
#pragma GCC unroll 4
        for (int p = 0; p < phases; p++) add_step(acc[p], in + 4 * p, weights + p * BLOCK * 4, rows, vectors);
    if (phases > 1)
        for (; steps > 0; steps--, weights += BLOCK * 4, in += 4) add_step(acc[0], in, weights, rows, vectors);
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
#pragma GCC unroll 4
            for (int p = 1; p < phases; p++) acc[0][r][v] = _mm512_add_epi32(acc[0][r][v], acc[p][r][v]);
            if (!t->is_last) _mm512_storeu_si512(t->partial + r * BLOCK + 16 * v, acc[0][r][v]);
        }
    if (!t->is_last) return;
    if (t->gemm->small)
        store_tile(t, acc[0], header, column, mask, rows, vectors, true);
    else
        store_tile(t, acc[0], header, column, mask, rows, vectors, false);
}

#define TILE(rows, phases)                                                                              \
    static void tile_##rows(const tile *t, const int8_t *packed, int32_t column, int32_t columns) {    \
        if (columns > 16)                                                                               \
            run_tile(t, packed, column, 0xffffffffu >> (BLOCK - columns), rows, 2, phases);             \
        else                                                                                            \
            run_tile(t, packed, column, 0xffffffffu >> (BLOCK - columns), rows, 1, phases);             \
    }
TILE(12, 1)
TILE(8, 1)
TILE(4, 2)
TILE(2, 4)
TILE(1, 4)

typedef void (*tile_fn)(const tile *t, const int8_t *packed, int32_t column, int32_t columns);

static void run_rows(tile_fn run, int32_t rows, const eq_gemm *g, const int8_t *const *in, int8_t *const *out,
                     int32_t first_column, int32_t last_column) {
    uint8_t panel[TILE_ROWS * PANEL_ROW];
    int32_t partial[TILE_ROWS * BLOCK];
    const int32_t taps = g->segments * g->segment_bytes;
    const size_t bytes = block_bytes(steps_of(g->segments, g->segment_bytes));
    tile t = {.gemm = g, .panel = panel, .partial = partial, .out = out};
    for (int32_t column = first_column; column < last_column; column += BLOCK) {
        const int32_t columns = last_column - column < BLOCK ? last_column - column : BLOCK;
        const int8_t *packed = (const int8_t *)g->packed + (size_t)(column / BLOCK) * bytes;
        for (int32_t k = 0, n; k < taps; k += n) {
            n = taps - k < CHUNK ? taps - k : CHUNK;
            if (column == first_column || taps > CHUNK)
                for (int32_t r = 0; r < rows; r++) copy_window(g, in[r], k, n, panel + r * PANEL_ROW);
            t.first_step = k / 4;
            t.steps = (n + 3) / 4;
            t.is_last = k + n == taps;
            run(&t, packed, column, columns);
        }
    }
}

void eq_avx512vnni_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                            int32_t last_column) {
    static const struct {
        int32_t rows;
        tile_fn run;
    } tiles[] = {{TILE_ROWS, tile_12}, {8, tile_8}, {4, tile_4}, {2, tile_2}, {1, tile_1}};
    for (int32_t r = 0, i = 0; r < rows; r += tiles[i].rows) {
        while (tiles[i].rows > rows - r) i++;
        run_rows(tiles[i].run, tiles[i].rows, g, in + r, out + r, first_column, last_column);
    }
}
