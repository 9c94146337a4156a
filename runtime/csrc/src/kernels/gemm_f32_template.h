/* Float matrix products, of float32 or float16, for any width of vectors. Include after:
 *
 *     PREFIX(name)                         the functions' names
 *     vec; enum { LANES, VECTORS, ROWS }   VECTORS of LANES columns make a tile; ROWS rows at once, 1, 2, 4, 6 or 8
 *     load(p), store(p, v), fused(w, x, sum) = w * x + sum, clamp(v, min, max), splat(p)
 *     CHAIN, zero(), add_wide(), narrow_sum()  or nothing: sums are of chains of at most so many taps (kernels.h, float16)
 *     PADDED_ROWS                          or nothing: fewer rows than ROWS are as many, the last repeated; there is code for 1 besides
 *     add_taps(...)                        or nothing: one tap after the other, by splat
 *     RUNS_LINES, LINE_TILES               or nothing: a single row takes so many tiles at once, or 2; add_line_taps(...) as above
 *     COPIES_LINES                         or nothing: packs weights whose columns are adjacent by vectors (of float32)
 *     STORES_SOME, store_some(p, v, count) or nothing: the first `count` lanes. Who has it computes a tile whose last vectors
 *                                          have no columns without them
 *     WIDE_ROWS, enum { NARROW_ROWS }      or nothing: there is code for even numbers of rows and for 1, up to ROWS, which WIDE_ROWS is (6 or
 *                                          8), and of tiles of one vector up to NARROW_ROWS (8, or 12 where WIDE_ROWS is 8); needs
 *                                          STORES_SOME and two VECTORS
 *
 * Packed, for every tile of columns: bias (columns), weights (taps, columns); missing columns are zero. */
#include <math.h>

#include "float_value.h"
#include "inline.h"
#include "kernels.h"

enum { TILE = LANES * VECTORS };
#ifdef WIDE_ROWS
enum { SUM_ROWS = NARROW_ROWS };
#else
enum { SUM_ROWS = ROWS };
#endif

static size_t taps_of(const eq_gemm_f32_weights *w) {
    return (size_t)w->segments * (size_t)w->taps;
}

size_t FLOAT_NAME(gemm, packed_bytes)(const eq_gemm_f32_weights *w) {
    const size_t tiles = (size_t)w->columns / TILE + (w->columns % TILE != 0);
    return tiles * (1 + taps_of(w)) * TILE * sizeof(value);
}

#ifdef COPIES_LINES
/* Weights of which each tap's columns are adjacent, as those mostly are that are computed, and so packed in every run. */
static void pack_lines(const eq_gemm_f32_weights *w, value *packed) {
    const size_t taps = taps_of(w);
    for (int32_t n = 0; n < w->columns; n += TILE) {
        const int32_t count = w->columns - n < TILE ? w->columns - n : TILE;
        const value *from = w->weights + n;
        if (w->bias) {
            memcpy(packed, w->bias + n, (size_t)count * sizeof *packed);
        } else {
            memset(packed, 0, sizeof(value[TILE]));
        }
        packed += TILE;
        for (size_t k = 0; k < taps; k++, from += w->columns, packed += TILE) {
            if (count < TILE) {
                memcpy(packed, from, (size_t)count * sizeof *packed);
                continue;
            }
            EQ_UNROLL
            for (int v = 0; v < VECTORS; v++) {
                store(packed + v * LANES, load(from + v * LANES));
            }
        }
    }
}
#endif

void FLOAT_NAME(gemm, pack)(const eq_gemm_f32_weights *w, void *packed) {
#ifdef COPIES_LINES
    if (w->columns_last) {
        pack_lines(w, packed);
        return;
    }
#endif
    const size_t taps = taps_of(w), tile = (1 + taps) * TILE;
    const size_t column = w->columns_last ? 1 : taps, next = w->columns_last ? (size_t)w->columns : 1;
    for (int32_t n = 0; n < w->columns; n++) {
        value *to = (value *)packed + (size_t)(n / TILE) * tile + n % TILE;
        const float *from = w->weights + (size_t)n * column;
        *to = to_value(w->bias ? w->bias[n] : 0.0f);
        for (size_t k = 0; k < taps; k++, from += next) {
            to[(k + 1) * TILE] = to_value(*from);
        }
    }
}

#ifndef ADD_TAPS
#define ADD_TAPS(...) add_taps(__VA_ARGS__, vectors)
/* The products of `taps` adjacent taps. Returns the weights behind. All rows share one index, so that a segment begins without a new
 * pointer for each. */
EQ_INLINE const value *add_taps(vec sums[SUM_ROWS][VECTORS], const value *weights, const void *const *in, ptrdiff_t offset,
                                int32_t taps, const int rows, const int vectors) {
    for (ptrdiff_t k = offset; k < offset + taps; k++, weights += TILE) {
        vec w[VECTORS];
        EQ_UNROLL
        for (int v = 0; v < vectors; v++) {
            w[v] = load(weights + v * LANES);
        }
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            const vec x = splat((const value *)in[r] + k);
            EQ_UNROLL
            for (int v = 0; v < vectors; v++) {
                sums[r][v] = fused(w[v], x, sums[r][v]);
            }
        }
    }
    return weights;
}
#endif

#ifdef CHAIN
/* The chain ends: its sum is added in float32, and another begins with 0. */
EQ_INLINE void end_chain(vec sums[ROWS][VECTORS], float wide[ROWS][TILE], const int rows, const int vectors) {
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        EQ_UNROLL
        for (int v = 0; v < vectors; v++) {
            add_wide(wide[r] + v * LANES, sums[r][v]);
            sums[r][v] = zero();
        }
    }
}

EQ_INLINE void add_segments(const eq_gemm_f32 *g, vec sums[ROWS][VECTORS], const value *weights, const void *const *in,
                            const int rows, const int vectors) {
    float wide[ROWS][TILE];
    const bool is_one_chain = (int64_t)g->segments * g->taps <= CHAIN;
    if (!is_one_chain) {
        memset(wide, 0, sizeof wide);
    }
    int32_t segment = 0, tap = 0, chain = 0; /* taps in the chain */
    while (segment < g->segments) {
        const int32_t left = g->taps - tap, taps = left < CHAIN ? left : CHAIN;
        weights = ADD_TAPS(sums, weights, in, g->segment_offsets[segment] / (ptrdiff_t)sizeof(value) + tap, taps, rows);
        chain += taps;
        tap = taps < left ? tap + taps : 0;
        segment += tap == 0;
        const int32_t next = g->taps - tap < CHAIN ? g->taps - tap : CHAIN;
        if (!is_one_chain && (segment == g->segments || chain + next > CHAIN)) {
            end_chain(sums, wide, rows, vectors);
            chain = 0;
        }
    }
    EQ_UNROLL
    for (int r = 0; !is_one_chain && r < rows; r++) {
        EQ_UNROLL
        for (int v = 0; v < vectors; v++) {
            sums[r][v] = narrow_sum(wide[r] + v * LANES);
        }
    }
}
#else
EQ_INLINE void add_segments(const eq_gemm_f32 *g, vec sums[SUM_ROWS][VECTORS], const value *weights, const void *const *in,
                            const int rows, const int vectors) {
    (void)vectors; /* a set's own add_taps may not ask */
    for (int32_t s = 0; s < g->segments; s++) {
        weights = ADD_TAPS(sums, weights, in, g->segment_offsets[s] / (ptrdiff_t)sizeof(value), g->taps, rows);
    }
}
#endif

#ifdef STORES_SOME
EQ_INLINE void store_columns(const vec sums[SUM_ROWS][VECTORS], void *const *out, int32_t column, int32_t count, const int rows,
                             const int vectors) {
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        value *to = (value *)out[r] + column;
        EQ_UNROLL
        for (int v = 0; v < vectors - 1; v++) {
            store(to + v * LANES, sums[r][v]);
        }
        store_some(to + (vectors - 1) * LANES, sums[r][vectors - 1], count - (vectors - 1) * LANES);
    }
}
#else
EQ_INLINE void store_columns(const vec sums[ROWS][VECTORS], void *const *out, int32_t column, int32_t count, const int rows,
                             const int vectors) {
    value last[ROWS][TILE];
    const bool whole = count == TILE;
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        value *to = whole ? (value *)out[r] + column : last[r];
        EQ_UNROLL
        for (int v = 0; v < vectors; v++) {
            store(to + v * LANES, sums[r][v]);
        }
    }
    for (int r = 0; !whole && r < rows; r++) {
        memcpy((value *)out[r] + column, last[r], (size_t)count * sizeof last[r][0]);
    }
}
#endif

/* `count` columns of `rows` rows in `vectors` vectors (constants). */
EQ_INLINE void run_tile(const eq_gemm_f32 *g, const value *tile, const void *const *in, void *const *out, int32_t column,
                        int32_t count, const int rows, const int vectors) {
    vec sums[SUM_ROWS][VECTORS];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        EQ_UNROLL
        for (int v = 0; v < vectors; v++) {
            sums[r][v] = load(tile + v * LANES);
        }
    }
    add_segments(g, sums, tile + TILE, in, rows, vectors);
    if (!isinf(g->min) || !isinf(g->max)) {
        const float min = g->min, max = g->max;
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            EQ_UNROLL
            for (int v = 0; v < vectors; v++) {
                sums[r][v] = clamp(sums[r][v], min, max);
            }
        }
    }
    store_columns((const vec(*)[VECTORS])sums, out, column, count, rows, vectors);
}

#ifdef WIDE_ROWS
typedef void (*tile_fn)(const eq_gemm_f32 *g, const value *tile, const void *const *in, void *const *out, int32_t column,
                        int32_t count);

/* Functions of their own, so that the places of all rows stay in registers. */
#define TILE_OF(rows, vectors)                                                                                             \
    static __attribute__((noinline)) void tile_##rows##x##vectors(                                                         \
        const eq_gemm_f32 *g, const value *tile, const void *const *in, void *const *out, int32_t column, int32_t count) { \
        run_tile(g, tile, in, out, column, count, rows, vectors);                                                          \
    }
#define TILES_OF(vectors) TILE_OF(1, vectors) TILE_OF(2, vectors) TILE_OF(4, vectors) TILE_OF(6, vectors)
TILES_OF(1)
TILES_OF(2)
TILE_OF(8, 1)
#if WIDE_ROWS == 8
TILE_OF(8, 2)
TILE_OF(10, 1)
TILE_OF(12, 1)
static const tile_fn narrow_tiles[NARROW_ROWS / 2 + 1] = {tile_1x1, tile_2x1,  tile_4x1, tile_6x1,
                                                          tile_8x1, tile_10x1, tile_12x1};
static const tile_fn wide_tiles[ROWS / 2 + 1] = {tile_1x2, tile_2x2, tile_4x2, tile_6x2, tile_8x2};
#else
static const tile_fn narrow_tiles[NARROW_ROWS / 2 + 1] = {tile_1x1, tile_2x1, tile_4x1, tile_6x1, tile_8x1};
static const tile_fn wide_tiles[ROWS / 2 + 1] = {tile_1x2, tile_2x2, tile_4x2, tile_6x2};
#endif

/* `rows` rows, an odd number: the last one is computed twice, and written to the same place. */
static void run_odd_rows(const eq_gemm_f32 *g, const value *tile, const void *const *in, void *const *out, int32_t column,
                         int32_t count, int32_t rows, tile_fn run) {
    const void *windows[NARROW_ROWS];
    void *places[NARROW_ROWS];
    for (int32_t r = 0; r <= rows; r++) {
        windows[r] = in[r < rows ? r : rows - 1];
        places[r] = out[r < rows ? r : rows - 1];
    }
    run(g, tile, windows, places, column, count);
}

/* All rows of a tile. The last two times share what is left, so that neither has too few sums to hide the latency of `fused`. */
EQ_INLINE void run_all_rows(const eq_gemm_f32 *g, const value *tile, const void *const *in, void *const *out, int32_t column,
                            int32_t count, int32_t rows, const tile_fn *tiles, int32_t most) {
    for (int32_t n; rows > 0; rows -= n, in += n, out += n) {
        n = rows >= 2 * most || rows == most ? most : rows > most ? (rows + 1) / 2 : rows;
        if (n % 2 == 0 || n == 1) {
            tiles[n / 2](g, tile, in, out, column, count);
        } else {
            run_odd_rows(g, tile, in, out, column, count, n, tiles[(n + 1) / 2]);
        }
    }
}

/* A tile of `rows` rows. */
EQ_INLINE void run_rows(const eq_gemm_f32 *g, const value *tile, const void *const *in, void *const *out, int32_t column,
                        int32_t count, int rows) {
    if (count <= LANES) {
        run_all_rows(g, tile, in, out, column, count, rows, narrow_tiles, NARROW_ROWS);
    } else {
        run_all_rows(g, tile, in, out, column, count, rows, wide_tiles, ROWS);
    }
}
#else
EQ_INLINE void run_vectors(const eq_gemm_f32 *g, const value *tile, const void *const *in, void *const *out, int32_t column,
                           int32_t count, int rows, const int vectors) {
    switch (rows) {
#if MOST_ROWS > 1
    case 1:
        run_tile(g, tile, in, out, column, count, 1, vectors);
        break;
#endif
#if MOST_ROWS > 2 && !defined(PADDED_ROWS)
    case 2:
        run_tile(g, tile, in, out, column, count, 2, vectors);
        break;
#endif
#if MOST_ROWS > 4 && !defined(PADDED_ROWS)
    case 4:
        run_tile(g, tile, in, out, column, count, 4, vectors);
        break;
#endif
    default:
        run_tile(g, tile, in, out, column, count, ROWS, vectors);
    }
}

/* A tile of `rows` rows: 1, 2, 4 or ROWS. */
EQ_INLINE void run_rows(const eq_gemm_f32 *g, const value *tile, const void *const *in, void *const *out, int32_t column,
                        int32_t count, int rows) {
#ifdef STORES_SOME
    if (count <= LANES * (VECTORS - 1)) {
        run_vectors(g, tile, in, out, column, count, rows, VECTORS - 1);
        return;
    }
#endif
    run_vectors(g, tile, in, out, column, count, rows, VECTORS);
}
#endif

#ifdef RUNS_LINES
#ifndef ADD_LINE_TAPS
#define ADD_LINE_TAPS add_line_taps
EQ_INLINE const value *add_line_taps(vec sums[LINE_TILES][VECTORS], const value *weights, size_t tile, const value *from,
                                     int32_t taps, const int tiles) {
    for (int32_t k = 0; k < taps; k++, weights += TILE) {
        const vec x = splat(from + k);
        EQ_UNROLL
        for (int i = 0; i < tiles * VECTORS; i++) {
            const vec w = load(weights + (size_t)(i / VECTORS) * tile + i % VECTORS * LANES);
            sums[i / VECTORS][i % VECTORS] = fused(w, x, sums[i / VECTORS][i % VECTORS]);
        }
    }
    return weights;
}
#endif

/* One row and `tiles` whole tiles (a constant), `tile` values apart: enough sums to hide the latency of `fused`. */
EQ_INLINE void run_line(const eq_gemm_f32 *g, const value *packed, size_t tile, const value *in, value *out, const int tiles) {
    vec sums[LINE_TILES][VECTORS];
    const value *weights = packed + TILE;
    EQ_UNROLL
    for (int i = 0; i < tiles * VECTORS; i++) {
        sums[i / VECTORS][i % VECTORS] = load(packed + (size_t)(i / VECTORS) * tile + i % VECTORS * LANES);
    }
    for (int32_t s = 0; s < g->segments; s++) {
        const value *from = in + g->segment_offsets[s] / (ptrdiff_t)sizeof(value);
        weights = ADD_LINE_TAPS(sums, weights, tile, from, g->taps, tiles);
    }
    EQ_UNROLL
    for (int i = 0; i < tiles * VECTORS; i++) {
        store(out + i * LANES, clamp(sums[i / VECTORS][i % VECTORS], g->min, g->max));
    }
}
#endif

static void run_tiles(const eq_gemm_f32 *g, const void *const *in, void *const *out, int32_t first_column, int32_t last_column,
                      int rows) {
    const size_t tile = (1 + (size_t)g->segments * (size_t)g->taps) * TILE;
    const value *packed = (const value *)g->packed + (size_t)(first_column / TILE) * tile;
    int32_t n = first_column;
#ifdef RUNS_LINES
    for (; rows == 1 && last_column - n >= LINE_TILES * TILE; n += LINE_TILES * TILE, packed += LINE_TILES * tile) {
        run_line(g, packed, tile, in[0], (value *)out[0] + n, LINE_TILES);
    }
    for (; rows == 1 && last_column - n >= 2 * TILE; n += 2 * TILE, packed += 2 * tile) {
        run_line(g, packed, tile, in[0], (value *)out[0] + n, 2);
    }
#endif
    for (; n < last_column; n += TILE, packed += tile) {
        const int32_t left = last_column - n;
        run_rows(g, packed, in, out, n, left < TILE ? left : TILE, rows);
    }
}

#ifdef WIDE_ROWS
void FLOAT_NAME(gemm, run)(const eq_gemm_f32 *g, const void *const *in, void *const *out, int32_t rows, int32_t first_column,
                           int32_t last_column) {
    run_tiles(g, in, out, first_column, last_column, rows);
}
#else
/* The most rows that there is code for. */
static int rows_at_once(int32_t rows) {
#ifdef PADDED_ROWS
    return rows > 2 ? ROWS : 1;
#else
    return rows >= ROWS ? ROWS : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
#endif
}

void FLOAT_NAME(gemm, run)(const eq_gemm_f32 *g, const void *const *in, void *const *out, int32_t rows, int32_t first_column,
                           int32_t last_column) {
    while (rows > 0) {
        const int at_once = rows_at_once(rows);
#ifdef PADDED_ROWS
        const void *windows[ROWS];
        void *places[ROWS];
        if (rows < at_once) { /* what is computed several times is written to the same place */
            for (int r = 0; r < ROWS; r++) {
                windows[r] = in[r < rows ? r : rows - 1];
                places[r] = out[r < rows ? r : rows - 1];
            }
            in = windows;
            out = places;
            rows = at_once;
        }
#endif
        run_tiles(g, in, out, first_column, last_column, at_once);
        in += at_once;
        out += at_once;
        rows -= at_once;
    }
}
#endif
