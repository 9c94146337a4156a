/* Matrix products of int8. */
#include <string.h>

#include "requantize.h"
#include "set.h"

enum { BLOCK = 32 }; /* columns in a block: two vectors */

typedef eq_gemm product;
typedef struct destination {
    int8_t *const *out;
    const int32_t *starts; /* (rows): what sums begin with besides the bias */
} destination;

typedef struct block_header {
    int32_t bias[BLOCK]; /* less 128 times the sum of the weights */
    float scale[BLOCK];
} block_header;

#include "product_template.h"

/* A layer of one column has no others to share its rows with: if they are many, its taps fill vectors themselves, and are packed as
 * they come. */
enum { LINE = 64, LEAST_TAPS = 4 * LINE };

static bool is_line(int32_t columns, int32_t taps) {
    return columns == 1 && taps >= LEAST_TAPS;
}

size_t eq_avx512vnni_gemm_packed_bytes(const eq_gemm_weights *w) {
    const int32_t taps = w->segments * w->segment_bytes;
    if (is_line(w->columns, taps)) {
        return sizeof(block_header) + ((size_t)taps + LINE - 1) / LINE * LINE;
    }
    return block_bytes(steps_of(w->segments, w->segment_bytes)) * (size_t)((w->columns + BLOCK - 1) / BLOCK);
}

static int32_t pack_line(const int8_t *weights, int32_t taps, int8_t *to) {
    uint32_t sum = 0;
    memcpy(to, weights, (size_t)taps);
    for (int32_t k = 0; k < taps; k++) {
        sum += (uint32_t)weights[k];
    }
    return (int32_t)sum;
}

void eq_avx512vnni_gemm_pack(const eq_gemm_weights *w, void *packed) {
    const int32_t taps = w->segments * w->segment_bytes;
    const size_t bytes = block_bytes(steps_of(w->segments, w->segment_bytes));
    for (int32_t n = 0; n < w->columns; n++) {
        block_header *header = (block_header *)((char *)packed + (size_t)(n / BLOCK) * bytes);
        const int8_t *weights = w->weights + (size_t)n * (size_t)taps;
        int8_t *to = (int8_t *)(header + 1) + n % BLOCK * 4;
        const int32_t sum = is_line(w->columns, taps) ? pack_line(weights, taps, to) : pack_column(weights, taps, to);
        header->bias[n % BLOCK] = (int32_t)((uint32_t)w->bias[n] - 128 * (uint32_t)sum);
        header->scale[n % BLOCK] = w->scale[n];
    }
}

EQ_INLINE __m512i first_sum(const tile *t, const block_header *header, int r, int v) {
    return _mm512_add_epi32(_mm512_load_si512(header->bias + 16 * v), _mm512_set1_epi32(t->to.starts[r]));
}

/* Requantize acc[rows][vectors] from row r on, as many as fill 64 bytes, and store `mask` of the columns. */
EQ_INLINE void store_rows(const tile *t, __m512i acc[][2], const block_header *header, int32_t column, __mmask32 mask,
                          const int r, const int rows, const int vectors, const bool limited) {
    const requantization to = requantization_to(t->gemm->zero_point, t->gemm->min, t->gemm->max);
    const __m512 scale[2] = {_mm512_load_ps(header->scale), _mm512_load_ps(header->scale + 16)};
    const __m512i by_vector = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const int last = rows - 1;
#define ROW(i) (r + (i) / vectors < last ? r + (i) / vectors : last)
#define SCALED(i) scaled(acc[ROW(i)][(i) % vectors], scale[(i) % vectors], &to, limited)
    const __m512i bytes = _mm512_permutexvar_epi32(by_vector, packed(SCALED(0), SCALED(1), SCALED(2), SCALED(3), &to, limited));
    int8_t *const *out = t->to.out + r;
    if (vectors == 2) {
        _mm256_mask_storeu_epi8(out[0] + column, mask, _mm512_castsi512_si256(bytes));
        if (r + 1 < rows) {
            _mm256_mask_storeu_epi8(out[1] + column, mask, _mm512_extracti64x4_epi64(bytes, 1));
        }
    } else {
        _mm_mask_storeu_epi8(out[0] + column, (__mmask16)mask, _mm512_castsi512_si128(bytes));
        if (r + 1 < rows) {
            _mm_mask_storeu_epi8(out[1] + column, (__mmask16)mask, _mm512_extracti32x4_epi32(bytes, 1));
        }
        if (r + 2 < rows) {
            _mm_mask_storeu_epi8(out[2] + column, (__mmask16)mask, _mm512_extracti32x4_epi32(bytes, 2));
        }
        if (r + 3 < rows) {
            _mm_mask_storeu_epi8(out[3] + column, (__mmask16)mask, _mm512_extracti32x4_epi32(bytes, 3));
        }
    }
}

EQ_INLINE void store_tile(const tile *t, __m512i acc[][2], const block_header *header, int32_t column, __mmask32 mask,
                          const int rows, const int vectors, const bool limited) {
#define STORE(r)                            \
    if (r < rows && r % (4 / vectors) == 0) \
        store_rows(t, acc, header, column, mask, r, rows, vectors, limited);
    EACH_ROW(STORE)
}

EQ_INLINE void finish(const tile *t, __m512i acc[][2], const block_header *header, int32_t column, __mmask32 mask,
                      const int rows, const int vectors) {
    if (needs_limits(t->gemm->small, t->gemm->min, t->gemm->max)) {
        store_tile(t, acc, header, column, mask, rows, vectors, true);
    } else {
        store_tile(t, acc, header, column, mask, rows, vectors, false);
    }
}

EQ_INLINE void finish_two_blocks(const tile *t, const __m512i acc[4], const block_header *const header[2], int32_t column) {
    const requantization to = requantization_to(t->gemm->zero_point, t->gemm->min, t->gemm->max);
    const __m512i by_vector = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
#define WHOLE(v) scaled(acc[v], _mm512_load_ps(header[v / 2]->scale + v % 2 * 16), &to, true)
    _mm512_storeu_si512(t->to.out[0] + column,
                        _mm512_permutexvar_epi32(by_vector, packed(WHOLE(0), WHOLE(1), WHOLE(2), WHOLE(3), &to, true)));
}

/* Sums of a window's inputs, in 16 lanes. */
EQ_INLINE __m512i sum_window(const eq_gemm *g, const int8_t *in, __mmask64 last) {
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i sums = _mm512_setzero_si512();
    for (int32_t s = 0; s < g->segments; s++) {
        const int8_t *from = in + g->segment_offsets[s];
        int32_t left = g->segment_bytes;
        for (; left > LINE; left -= LINE, from += LINE) {
            ACCUMULATE(sums, ones, _mm512_loadu_si512(from));
        }
        ACCUMULATE(sums, ones, _mm512_maskz_loadu_epi8(last, from));
    }
    return sums;
}

EQ_INLINE __m512i add_pairs(__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}

/* starts[r] = shift times the sum of the inputs of window r; four rows at once share the sums over lanes. */
static void find_starts(const eq_gemm *g, const int8_t *const *in, int32_t rows, int32_t starts[TILE_ROWS]) {
    const __mmask64 last = ~(__mmask64)0 >> (LINE - 1 - (g->segment_bytes - 1) % LINE);
    for (int32_t r = 0; r < rows; r += 4) {
        const int32_t left = rows - 1 - r;
        const __m512i a = sum_window(g, in[r], last), b = sum_window(g, in[r + (left < 1 ? left : 1)], last);
        const __m512i c = sum_window(g, in[r + (left < 2 ? left : 2)], last),
                      d = sum_window(g, in[r + (left < 3 ? left : 3)], last);
        const __m512i ab = add_pairs(a, b), cd = add_pairs(c, d);
        const __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
        const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
        const __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
        _mm_storeu_si128((__m128i *)(void *)(starts + r), _mm_mullo_epi32(sums, _mm_set1_epi32(g->shift)));
    }
}

/* One row of the only column, in two phases. What the panel has past the window meets weights of zero. */
static void run_only_column(const eq_gemm *g, const int8_t *const *in, destination to) {
    _Alignas(LINE) uint8_t panel[PANEL_ROW];
    const block_header *header = g->packed;
    const int8_t *weights = (const int8_t *)(header + 1);
    const int32_t taps = g->segments * g->segment_bytes;
    __m512i even = _mm512_setzero_si512(), odd = even;
    for (int32_t k = 0, n; k < taps; k += n, weights += CHUNK) {
        n = taps - k < CHUNK ? taps - k : CHUNK;
        copy_windows(g, in, k, n, 1, panel);
        int32_t i = 0;
        for (; i < n - LINE; i += 2 * LINE) {
            ACCUMULATE_LOADED(even, _mm512_load_si512(panel + i), weights + i);
            ACCUMULATE_LOADED(odd, _mm512_load_si512(panel + i + LINE), weights + i + LINE);
        }
        if (i < n) {
            ACCUMULATE_LOADED(even, _mm512_load_si512(panel + i), weights + i);
        }
    }
    const int32_t sum = _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
    const tile t = {.gemm = g, .to = to};
    __m512i sums[1][2] = {{_mm512_add_epi32(first_sum(&t, header, 0, 0), _mm512_set1_epi32(sum))}};
    finish(&t, sums, header, 0, 1, 1, 1);
}

void eq_avx512vnni_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                            int32_t last_column) {
    const bool line = is_line(g->columns, g->segments * g->segment_bytes);
    int32_t starts[TILE_ROWS] = {0};
    for (int32_t r = 0, n; r < rows; r += n) {
        n = line ? 1 : rows_at_once(rows - r);
        const destination to = {out + r, starts};
        if (g->shift != 0) {
            find_starts(g, in + r, n, starts);
        }
        if (line) {
            run_only_column(g, in + r, to);
        } else {
            run_rows(g, in + r, to, n, first_column, last_column);
        }
    }
}
