/* Matrix products on 256-bit vectors. A set's dot.h says how lanes multiply; include that first, once in a file.
 *
 * A call copies its rows, converted, to a panel of adjacent inputs, where the segments of a window join.
 *
 * Packed: blocks of 16 columns, each {bias (16), scale (16), weights (steps, 16, TAPS)} where a step is TAPS inputs of the
 * window and `steps` covers all segments; columns and taps past the end are zero. */
#include <string.h>

#include "requantize.h"

enum {
    BLOCK = 16,    /* columns in a block: two vectors */
    TILE_ROWS = 6, /* 6 x 2 accumulators leave 4 registers for operands */
    CHUNK = 2048,  /* inputs of a window in the panel at once */
    PANEL_ROW = CHUNK + 32,
    STEP_WEIGHTS = BLOCK * TAPS,
};

typedef struct block_header {
    int32_t bias[BLOCK];
    float scale[BLOCK];
} block_header;

static size_t block_bytes(int32_t taps) {
    return sizeof(block_header) + (size_t)((taps + TAPS - 1) / TAPS) * STEP_WEIGHTS * sizeof(eq_dot_weight);
}

size_t NAME(gemm_packed_bytes)(const eq_gemm_weights *w) {
    return block_bytes(w->segments * w->segment_bytes) * (size_t)((w->columns + BLOCK - 1) / BLOCK);
}

void NAME(gemm_pack)(const eq_gemm_weights *w, void *packed) {
    const int32_t taps = w->segments * w->segment_bytes;
    for (int32_t n = 0; n < w->columns; n++) {
        block_header *header = (block_header *)(void *)((char *)packed + (size_t)(n / BLOCK) * block_bytes(taps));
        eq_dot_weight *weights = (eq_dot_weight *)(void *)(header + 1) + n % BLOCK * TAPS;
        uint32_t sum = 0;
        for (int32_t k = 0; k < taps; k++) {
            const int8_t weight = w->weights[(size_t)n * (size_t)taps + (size_t)k];
            weights[(size_t)(k / TAPS) * STEP_WEIGHTS + (size_t)(k % TAPS)] = weight;
            sum += (uint32_t)weight;
        }
        header->bias[n % BLOCK] = (int32_t)((uint32_t)w->bias[n] - IN_OFFSET * sum);
        header->scale[n % BLOCK] = w->scale[n];
    }
}

/* Copy inputs `first` to first + taps - 1 of the rows' windows, converted, their segments joined. */
static void copy_windows(const eq_gemm *g, const int8_t *const *in, int32_t first, int32_t taps, int32_t rows,
                         eq_dot_input *panel) {
    int32_t segment = 0, at = first;
    if (first) {
        segment = first / g->segment_bytes, at = first % g->segment_bytes;
    }
    while (taps > 0) {
        const int32_t rest = g->segment_bytes - at, n = rest < taps ? rest : taps;
        const ptrdiff_t offset = g->segment_offsets[segment++] + at;
        for (int32_t r = 0; r < rows; r++) {
            for (int32_t k = 0; k < n; k += 16) {
                convert(in[r] + offset + k, panel + r * PANEL_ROW + k);
            }
        }
        panel += n;
        taps -= n;
        at = 0;
    }
}

typedef struct tile {
    const eq_gemm *gemm;
    const eq_dot_input *panel; /* (rows, PANEL_ROW) */
    int32_t first_step, steps; /* of this chunk of the window */
    bool is_last;
    int32_t *partial; /* (rows, BLOCK): accumulators between chunks */
    int8_t *const *out;
} tile;

/* Written out instead of a loop: only so do all compilers keep arrays of accumulators in registers. */
#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)

/* Requantize rows r and r + 1 of acc[rows][2] and store the first `columns`. */
EQ_INLINE void store_rows(const tile *t, __m256i acc[][2], const block_header *header, int32_t column, int32_t columns,
                          const int r, const int rows, const bool small) {
    const requantization to = requantization_to(t->gemm->zero_point, t->gemm->min, t->gemm->max);
    const __m256 scale0 = _mm256_load_ps(header->scale), scale1 = _mm256_load_ps(header->scale + 8);
    const int next = r + 1 < rows ? r + 1 : r;
    const __m256i bytes = packed(scaled(acc[r][0], scale0, &to, small), scaled(acc[r][1], scale1, &to, small),
                                 scaled(acc[next][0], scale0, &to, small), scaled(acc[next][1], scale1, &to, small), &to);
    store_bytes(t->out[r] + column, _mm256_castsi256_si128(bytes), columns);
    if (next > r) {
        store_bytes(t->out[next] + column, _mm256_extracti128_si256(bytes, 1), columns);
    }
}

EQ_INLINE void store_tile(const tile *t, __m256i acc[][2], const block_header *header, int32_t column, int32_t columns,
                          const int rows, const bool small) {
#define STORE(r)                \
    if (r < rows && r % 2 == 0) \
        store_rows(t, acc, header, column, columns, r, rows, small);
    EACH_ROW(STORE)
}

/* One step of TAPS inputs, for `rows` x 2 accumulators. */
EQ_INLINE void add_step(__m256i acc[][2], const eq_dot_input *in, const eq_dot_weight *weights, const int rows) {
    const __m256i w0 = _mm256_load_si256((const __m256i *)(const void *)weights);
    const __m256i w1 = _mm256_load_si256((const __m256i *)(const void *)(weights + 8 * TAPS));
#define ADD(r)                                          \
    if (r < rows) {                                     \
        int32_t taps;                                   \
        memcpy(&taps, in + r * PANEL_ROW, sizeof taps); \
        const __m256i x = _mm256_set1_epi32(taps);      \
        acc[r][0] = dot(acc[r][0], x, w0);              \
        acc[r][1] = dot(acc[r][1], x, w1);              \
    }
    EACH_ROW(ADD)
}

/* `rows` x 2 accumulators, twice if that hides the latency of `dot` better. */
EQ_INLINE void run_tile(const tile *t, const block_header *header, int32_t column, int32_t columns, const int rows) {
    const bool twice = 2 * rows < ACCUMULATORS && rows <= 2;
    const eq_dot_weight *weights = (const eq_dot_weight *)(const void *)(header + 1) + (size_t)t->first_step * STEP_WEIGHTS;
    const eq_dot_input *in = t->panel;
    const int32_t *start = t->first_step ? t->partial : header->bias;
    const ptrdiff_t start_row = t->first_step ? BLOCK : 0;
    __m256i acc[TILE_ROWS][2], other[TILE_ROWS][2];
#define START(r)                                                                                   \
    if (r < rows) {                                                                                \
        acc[r][0] = _mm256_load_si256((const __m256i *)(const void *)(start + r * start_row));     \
        acc[r][1] = _mm256_load_si256((const __m256i *)(const void *)(start + r * start_row + 8)); \
        other[r][0] = other[r][1] = _mm256_setzero_si256();                                        \
    }
    EACH_ROW(START)
    int32_t steps = t->steps;
    for (; steps > (int32_t)twice; steps -= 1 + twice, in += (1 + twice) * TAPS, weights += (1 + twice) * STEP_WEIGHTS) {
        add_step(acc, in, weights, rows);
        if (twice) {
            add_step(other, in + TAPS, weights + STEP_WEIGHTS, rows);
        }
    }
    if (twice && steps) {
        add_step(acc, in, weights, rows);
    }
#define JOIN(r)                                                                             \
    if (r < rows) {                                                                         \
        if (twice)                                                                          \
            acc[r][0] = _mm256_add_epi32(acc[r][0], other[r][0]);                           \
        if (twice)                                                                          \
            acc[r][1] = _mm256_add_epi32(acc[r][1], other[r][1]);                           \
        if (!t->is_last)                                                                    \
            _mm256_store_si256((__m256i *)(void *)(t->partial + r * BLOCK), acc[r][0]);     \
        if (!t->is_last)                                                                    \
            _mm256_store_si256((__m256i *)(void *)(t->partial + r * BLOCK + 8), acc[r][1]); \
    }
    EACH_ROW(JOIN)
    if (!t->is_last) {
        return;
    }
    if (t->gemm->small) {
        store_tile(t, acc, header, column, columns, rows, true);
    } else {
        store_tile(t, acc, header, column, columns, rows, false);
    }
}

#define TILE(rows)                                                                                        \
    static void tile_##rows(const tile *t, const block_header *header, int32_t column, int32_t columns) { \
        run_tile(t, header, column, columns, rows);                                                       \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)

static void (*const tiles[TILE_ROWS])(const tile *t, const block_header *header, int32_t column, int32_t columns) = {
    tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};

static void run_rows(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                     int32_t last_column) {
    _Alignas(32) eq_dot_input panel[TILE_ROWS * PANEL_ROW];
    _Alignas(32) int32_t partial[TILE_ROWS * BLOCK];
    const int32_t taps = g->segments * g->segment_bytes;
    const char *packed = g->packed;
    tile t = {.gemm = g, .panel = panel, .partial = partial, .out = out};
    for (int32_t column = first_column; column < last_column; column += BLOCK) {
        const int32_t columns = last_column - column < BLOCK ? last_column - column : BLOCK;
        const void *block = packed + (size_t)(column / BLOCK) * block_bytes(taps);
        for (int32_t k = 0, n; k < taps; k += n) {
            n = taps - k < CHUNK ? taps - k : CHUNK;
            if (column == first_column || taps > CHUNK) {
                copy_windows(g, in, k, n, rows, panel);
            }
            t.first_step = k / TAPS;
            t.steps = (n + TAPS - 1) / TAPS;
            t.is_last = k + n == taps;
            tiles[rows - 1](&t, block, column, columns);
        }
    }
}

void NAME(gemm_run)(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                    int32_t last_column) {
    for (int32_t r = 0, n; r < rows; r += n) {
        const int32_t left = rows - r; /* the last two tiles share what is left */
        n = left >= 2 * TILE_ROWS || left == TILE_ROWS ? TILE_ROWS : left > TILE_ROWS ? (left + 1) / 2 : left;
        run_rows(g, in + r, out + r, n, first_column, last_column);
    }
}
