/* Float matrix products, for any width of vectors. Include after:
 *
 *     PREFIX(name)                         the functions' names
 *     vec; enum { LANES, VECTORS, ROWS }   VECTORS of LANES columns make a tile; ROWS rows at once, 2, 4, 6 or 8
 *     load(p), store(p, v), fused(w, x, sum) = w * x + sum, clamp(v, min, max), splat(p)
 *     add_taps(...)                        or nothing: one tap after the other, by splat
 *     STORES_SOME, store_some(p, v, count) or nothing: the first `count` lanes. Who has it computes a tile whose last vectors
 *                                          have no columns without them
 *
 * Packed, for every tile of columns: bias (columns), weights (taps, columns); missing columns are zero. */
#include <math.h>

#include "inline.h"
#include "kernels.h"

enum { TILE = LANES * VECTORS, LINE_TILES = 4 };

static size_t taps_of(const eq_gemm_f32_weights *w) {
    return (size_t)w->segments * (size_t)w->taps;
}

size_t PREFIX(gemm_f32_packed_bytes)(const eq_gemm_f32_weights *w) {
    const size_t tiles = (size_t)w->columns / TILE + (w->columns % TILE != 0);
    return tiles * (1 + taps_of(w)) * TILE * sizeof(float);
}

void PREFIX(gemm_f32_pack)(const eq_gemm_f32_weights *w, void *packed) {
    const size_t taps = taps_of(w), tile = (1 + taps) * TILE;
    for (int32_t n = 0; n < w->columns; n++) {
        float *to = (float *)packed + (size_t)(n / TILE) * tile + n % TILE;
        const float *from = w->weights + (size_t)n * taps;
        *to = w->bias ? w->bias[n] : 0.0f;
        for (size_t k = 0; k < taps; k++) {
            to[(k + 1) * TILE] = from[k];
        }
    }
}

#ifndef ADD_TAPS
#define ADD_TAPS(...) add_taps(__VA_ARGS__, vectors)
/* The products of `taps` adjacent taps. Returns the weights behind. */
EQ_INLINE const float *add_taps(vec sums[ROWS][VECTORS], const float *weights, const float *const *in, ptrdiff_t offset,
                                int32_t taps, const int rows, const int vectors) {
    const float *from[ROWS];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = in[r] + offset;
    }
    for (int32_t k = 0; k < taps; k++, weights += TILE) {
        vec w[VECTORS];
        EQ_UNROLL
        for (int v = 0; v < vectors; v++) {
            w[v] = load(weights + v * LANES);
        }
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            const vec x = splat(from[r] + k);
            EQ_UNROLL
            for (int v = 0; v < vectors; v++) {
                sums[r][v] = fused(w[v], x, sums[r][v]);
            }
        }
    }
    return weights;
}
#endif

EQ_INLINE void store_columns(float *out, const vec sums[VECTORS], int32_t count, const int vectors) {
#ifdef STORES_SOME
    EQ_UNROLL
    for (int v = 0; v < vectors - 1; v++) {
        store(out + v * LANES, sums[v]);
    }
    store_some(out + (vectors - 1) * LANES, sums[vectors - 1], count - (vectors - 1) * LANES);
#else
    float last[TILE], *to = count == TILE ? out : last;
    EQ_UNROLL
    for (int v = 0; v < vectors; v++) {
        store(to + v * LANES, sums[v]);
    }
    if (count != TILE) {
        memcpy(out, last, (size_t)count * sizeof *last);
    }
#endif
}

/* `count` columns of `rows` rows in `vectors` vectors (constants). */
EQ_INLINE void run_tile(const eq_gemm_f32 *g, const float *tile, const float *const *in, float *const *out, int32_t column,
                        int32_t count, const int rows, const int vectors) {
    vec sums[ROWS][VECTORS];
    const float *weights = tile + TILE;
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        EQ_UNROLL
        for (int v = 0; v < vectors; v++) {
            sums[r][v] = load(tile + v * LANES);
        }
    }
    for (int32_t s = 0; s < g->segments; s++) {
        weights = ADD_TAPS(sums, weights, in, g->segment_offsets[s] / (ptrdiff_t)sizeof(float), g->taps, rows);
    }
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
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        store_columns(out[r] + column, sums[r], count, vectors);
    }
}

/* A tile of `rows` rows: 1, 2, 4 or ROWS. */
EQ_INLINE void run_rows(const eq_gemm_f32 *g, const float *tile, const float *const *in, float *const *out, int32_t column,
                        int32_t count, int rows, const int vectors) {
    switch (rows) {
    case 1:
        run_tile(g, tile, in, out, column, count, 1, vectors);
        break;
#if MOST_ROWS > 2
    case 2:
        run_tile(g, tile, in, out, column, count, 2, vectors);
        break;
#endif
#if MOST_ROWS > 4
    case 4:
        run_tile(g, tile, in, out, column, count, 4, vectors);
        break;
#endif
    default:
        run_tile(g, tile, in, out, column, count, ROWS, vectors);
    }
}

#ifdef STORES_SOME
/* One row and `tiles` whole tiles (a constant), `tile` floats apart: enough sums to hide the latency of `fused`. */
EQ_INLINE void run_line(const eq_gemm_f32 *g, const float *packed, size_t tile, const float *in, float *out, const int tiles) {
    vec sums[LINE_TILES][VECTORS];
    const float *weights = packed;
    EQ_UNROLL
    for (int i = 0; i < tiles * VECTORS; i++) {
        sums[i / VECTORS][i % VECTORS] = load(packed + (size_t)(i / VECTORS) * tile + i % VECTORS * LANES);
    }
    for (int32_t s = 0; s < g->segments; s++) {
        const float *from = in + g->segment_offsets[s] / (ptrdiff_t)sizeof(float);
        for (int32_t k = 0; k < g->taps; k++) {
            const vec x = splat(from + k);
            weights += TILE;
            EQ_UNROLL
            for (int i = 0; i < tiles * VECTORS; i++) {
                const vec w = load(weights + (size_t)(i / VECTORS) * tile + i % VECTORS * LANES);
                sums[i / VECTORS][i % VECTORS] = fused(w, x, sums[i / VECTORS][i % VECTORS]);
            }
        }
    }
    EQ_UNROLL
    for (int i = 0; i < tiles * VECTORS; i++) {
        store(out + i * LANES, clamp(sums[i / VECTORS][i % VECTORS], g->min, g->max));
    }
}
#endif

static void run_tiles(const eq_gemm_f32 *g, const float *const *in, float *const *out, int32_t first_column,
                      int32_t last_column, int rows) {
    const size_t tile = (1 + (size_t)g->segments * (size_t)g->taps) * TILE;
    const float *packed = (const float *)g->packed + (size_t)(first_column / TILE) * tile;
    int32_t n = first_column;
#ifdef STORES_SOME
    for (; rows == 1 && last_column - n >= LINE_TILES * TILE; n += LINE_TILES * TILE, packed += LINE_TILES * tile) {
        run_line(g, packed, tile, in[0], out[0] + n, LINE_TILES);
    }
    for (; rows == 1 && last_column - n >= 2 * TILE; n += 2 * TILE, packed += 2 * tile) {
        run_line(g, packed, tile, in[0], out[0] + n, 2);
    }
#endif
    for (; n < last_column; n += TILE, packed += tile) {
        const int32_t left = last_column - n, count = left < TILE ? left : TILE;
#ifdef STORES_SOME
        if (count <= LANES * (VECTORS - 1)) {
            run_rows(g, packed, in, out, n, count, rows, VECTORS - 1);
            continue;
        }
#endif
        run_rows(g, packed, in, out, n, count, rows, VECTORS);
    }
}

/* The most rows that there is code for. */
static int rows_at_once(int32_t rows) {
    return rows >= ROWS ? ROWS : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
}

void PREFIX(gemm_f32_run)(const eq_gemm_f32 *g, const float *const *in, float *const *out, int32_t rows, int32_t first_column,
                          int32_t last_column) {
    while (rows > 0) {
        const int at_once = rows_at_once(rows);
        run_tiles(g, in, out, first_column, last_column, at_once);
        in += at_once;
        out += at_once;
        rows -= at_once;
    }
}
