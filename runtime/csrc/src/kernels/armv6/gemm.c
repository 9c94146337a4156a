/* Matrix products. Columns go in groups of four, a group in two pairs.
 *
 * A pair's weights for bytes k .. k + 3 of a segment are two words of two int16, 256 * second + first, where first and second
 * are the columns' weights: of k and k + 2, then of k + 1 and k + 3. SXTB16 makes the first column's from them; the second's
 * need no instruction, since the products with the whole word sum up to 256 * acc[second] + acc[first]. That wraps, but
 * |acc| < 2^22 leaves what is needed: (sum - acc[first]) >> 8. Without `small` the second column's weights are made, too.
 *
 * The two inner loops are in assembly: compilers keep half of the sums in memory.
 *
 * Packed: groups of {bias[4], scale[4], (segments, segment_bytes / 4 rounded up, pairs = 2, words = 2)}. */
#include "set.h"

#include "media.h"

enum { COLUMNS = 4, PAIR = 2, STEP = 4 /* bytes of a segment */, STEP_WORDS = 4 };

typedef struct group {
    int32_t bias[COLUMNS];
    float scale[COLUMNS];
    uint32_t weights[];
} group;

static size_t segment_steps(int32_t segment_bytes) {
    return ((size_t)segment_bytes + STEP - 1) / STEP;
}

static size_t group_bytes(int32_t segments, int32_t segment_bytes) {
    return sizeof(group) + (size_t)segments * segment_steps(segment_bytes) * STEP_WORDS * sizeof(uint32_t);
}

size_t eq_armv6_gemm_packed_bytes(const eq_gemm_weights *w) {
    return ((size_t)w->columns + COLUMNS - 1) / COLUMNS * group_bytes(w->segments, w->segment_bytes);
}

/* The weight of byte k of segment s for column n; 0 past the last of each. */
static int32_t weight_at(const eq_gemm_weights *w, int32_t n, int32_t s, size_t k) {
    if (n >= w->columns || k >= (size_t)w->segment_bytes) return 0;
    return w->weights[((size_t)n * (size_t)w->segments + (size_t)s) * (size_t)w->segment_bytes + k];
}

static uint32_t pair_of_pairs(const eq_gemm_weights *w, int32_t n, int32_t s, size_t k) {
    const int32_t low = 256 * weight_at(w, n + 1, s, k) + weight_at(w, n, s, k);
    const int32_t high = 256 * weight_at(w, n + 1, s, k + 2) + weight_at(w, n, s, k + 2);
    return (uint32_t)high << 16 | (uint16_t)low;
}

static void pack_group(const eq_gemm_weights *w, int32_t n, group *packed) {
    for (int32_t i = 0; i < COLUMNS && n + i < w->columns; i++) {
        packed->bias[i] = w->bias[n + i];
        packed->scale[i] = w->scale[n + i];
    }
    uint32_t *word = packed->weights;
    for (int32_t s = 0; s < w->segments; s++) {
        for (size_t k = 0; k < (size_t)w->segment_bytes; k += STEP) {
            for (int32_t pair = 0; pair < COLUMNS; pair += PAIR) {
                *word++ = pair_of_pairs(w, n + pair, s, k);
                *word++ = pair_of_pairs(w, n + pair, s, k + 1);
            }
        }
    }
}

void eq_armv6_gemm_pack(const eq_gemm_weights *w, void *packed) {
    for (int32_t n = 0; n < w->columns; n += COLUMNS) {
        pack_group(w, n, packed);
        packed = (char *)packed + group_bytes(w->segments, w->segment_bytes);
    }
}

/* The sums of one row and a pair of columns: {acc[first], 256 * acc[second] + acc[first]}. */
typedef struct sums {
    int32_t first, both;
} sums;

static sums start(const int32_t *bias) {
    return (sums){bias[0], (int32_t)(((uint32_t)bias[1] << 8) + (uint32_t)bias[0])};
}

static int32_t second_sum(sums sum) {
    return (int32_t)((uint32_t)sum.both - (uint32_t)sum.first) >> 8;
}

/* A segment of two rows by the pair of columns whose words begin at `weights`. */
static inline void add_two_rows(const uint32_t *weights, size_t steps, const int8_t *in_a, const int8_t *in_b, sums *a,
                                sums *b) {
    const uint32_t *end = weights + steps * STEP_WORDS;
    uint32_t word, bytes_a, bytes_b, even_a, even_b;
    __asm__ volatile("0:\n\t"
                     "ldr %[word], [%[weights]], #16\n\t"
                     "ldr %[bytes_a], [%[in_a]], #4\n\t"
                     "ldr %[bytes_b], [%[in_b]], #4\n\t"
                     "sxtb16 %[even_a], %[bytes_a]\n\t"
                     "sxtb16 %[even_b], %[bytes_b]\n\t"
                     "smlad %[both_a], %[even_a], %[word], %[both_a]\n\t"
                     "smlad %[both_b], %[even_b], %[word], %[both_b]\n\t"
                     "sxtb16 %[word], %[word]\n\t"
                     "sxtb16 %[bytes_a], %[bytes_a], ror #8\n\t"
                     "sxtb16 %[bytes_b], %[bytes_b], ror #8\n\t"
                     "smlad %[first_a], %[even_a], %[word], %[first_a]\n\t"
                     "ldr %[even_a], [%[weights], #-12]\n\t" /* the odd bytes' word: the even ones are done with */
                     "smlad %[first_b], %[even_b], %[word], %[first_b]\n\t"
                     "cmp %[weights], %[end]\n\t"
                     "smlad %[both_a], %[bytes_a], %[even_a], %[both_a]\n\t"
                     "smlad %[both_b], %[bytes_b], %[even_a], %[both_b]\n\t"
                     "sxtb16 %[even_a], %[even_a]\n\t"
                     "smlad %[first_a], %[bytes_a], %[even_a], %[first_a]\n\t"
                     "smlad %[first_b], %[bytes_b], %[even_a], %[first_b]\n\t"
                     "bne 0b"
                     : [first_a] "+r"(a->first), [both_a] "+r"(a->both), [first_b] "+r"(b->first), [both_b] "+r"(b->both),
                       [in_a] "+r"(in_a), [in_b] "+r"(in_b), [weights] "+r"(weights), [word] "=&r"(word),
                       [bytes_a] "=&r"(bytes_a), [bytes_b] "=&r"(bytes_b), [even_a] "=&r"(even_a), [even_b] "=&r"(even_b)
                     : [end] "r"(end)
                     : "cc", "memory");
}

/* A segment of one row by a group: pairs a and b. */
static inline void add_one_row(const uint32_t *weights, size_t steps, const int8_t *in, sums *a, sums *b) {
    const uint32_t *end = weights + steps * STEP_WORDS;
    uint32_t bytes, even, word, next;
    __asm__ volatile("0:\n\t"
                     "ldr %[bytes], [%[in]], #4\n\t"
                     "ldr %[word], [%[weights]], #16\n\t"
                     "ldr %[next], [%[weights], #-12]\n\t"
                     "sxtb16 %[even], %[bytes]\n\t"
                     "sxtb16 %[bytes], %[bytes], ror #8\n\t"
                     "smlad %[both_a], %[even], %[word], %[both_a]\n\t"
                     "sxtb16 %[word], %[word]\n\t"
                     "cmp %[weights], %[end]\n\t"
                     "smlad %[first_a], %[even], %[word], %[first_a]\n\t"
                     "ldr %[word], [%[weights], #-8]\n\t"
                     "smlad %[both_a], %[bytes], %[next], %[both_a]\n\t"
                     "sxtb16 %[next], %[next]\n\t"
                     "smlad %[both_b], %[even], %[word], %[both_b]\n\t"
                     "smlad %[first_a], %[bytes], %[next], %[first_a]\n\t"
                     "ldr %[next], [%[weights], #-4]\n\t"
                     "sxtb16 %[word], %[word]\n\t"
                     "smlad %[first_b], %[even], %[word], %[first_b]\n\t"
                     "smlad %[both_b], %[bytes], %[next], %[both_b]\n\t"
                     "sxtb16 %[next], %[next]\n\t"
                     "smlad %[first_b], %[bytes], %[next], %[first_b]\n\t"
                     "bne 0b"
                     : [first_a] "+r"(a->first), [both_a] "+r"(a->both), [first_b] "+r"(b->first), [both_b] "+r"(b->both),
                       [in] "+r"(in), [weights] "+r"(weights), [bytes] "=&r"(bytes), [even] "=&r"(even), [word] "=&r"(word),
                       [next] "=&r"(next)
                     : [end] "r"(end)
                     : "cc", "memory");
}

typedef struct place {
    const eq_gemm *gemm;
    size_t steps;         /* of a segment */
    output_range range;
} place;

static void store_pair(const place *at, sums sum, const float *scale, int8_t *out, int32_t columns) {
    out[0] = requantize_small(sum.first, scale[0], at->range);
    if (columns > 1) out[1] = requantize_small(second_sum(sum), scale[1], at->range);
}

static void two_rows(const place *at, const group *columns, const int8_t *in_a, const int8_t *in_b, int8_t *out_a, int8_t *out_b, int32_t count) {
    for (int32_t pair = 0; pair < COLUMNS && pair < count; pair += PAIR) {
        sums a = start(columns->bias + pair), b = a;
        const uint32_t *weights = columns->weights + pair;
        for (int32_t s = 0; s < at->gemm->segments; s++, weights += at->steps * STEP_WORDS) {
            const ptrdiff_t offset = at->gemm->segment_offsets[s];
            add_two_rows(weights, at->steps, in_a + offset, in_b + offset, &a, &b);
        }
        store_pair(at, a, columns->scale + pair, out_a + pair, count - pair);
        store_pair(at, b, columns->scale + pair, out_b + pair, count - pair);
    }
}

static void one_row(const place *at, const group *columns, const int8_t *in, int8_t *out, int32_t count) {
    sums a = start(columns->bias), b = start(columns->bias + PAIR);
    const uint32_t *weights = columns->weights;
    for (int32_t s = 0; s < at->gemm->segments; s++, weights += at->steps * STEP_WORDS)
        add_one_row(weights, at->steps, in + at->gemm->segment_offsets[s], &a, &b);
    store_pair(at, a, columns->scale, out, count);
    if (count > PAIR) store_pair(at, b, columns->scale + PAIR, out + PAIR, count - PAIR);
}

/* One row by a pair of columns whose sums may be of any size: each column has a sum of its own. */
static void one_row_by_pair(const place *at, const group *columns, int32_t pair, const int8_t *in, int8_t *out, int32_t count) {
    int32_t first_sum = columns->bias[pair], second_sum = columns->bias[pair + 1];
    const uint32_t *weights = columns->weights + pair;
    for (int32_t s = 0; s < at->gemm->segments; s++) {
        const int8_t *segment = in + at->gemm->segment_offsets[s];
        for (size_t step = 0; step < at->steps; step++, weights += STEP_WORDS, segment += STEP) {
            const uint32_t bytes = load_bytes(segment);
            const int16x2_t first[2] = {__sxtb16(weights[0]), __sxtb16(weights[1])};
            first_sum = __smlad(even_bytes(bytes), first[0], first_sum);
            first_sum = __smlad(odd_bytes(bytes), first[1], first_sum);
            second_sum = __smlad(even_bytes(bytes), odd_bytes(__ssub16(weights[0], first[0])), second_sum);
            second_sum = __smlad(odd_bytes(bytes), odd_bytes(__ssub16(weights[1], first[1])), second_sum);
        }
    }
    const float *scale = columns->scale + pair;
    out[pair] = eq_requantize(first_sum, scale[0], at->range.zero_point, at->range.min, at->range.max);
    if (count > pair + 1)
        out[pair + 1] = eq_requantize(second_sum, scale[1], at->range.zero_point, at->range.min, at->range.max);
}

static void large_row(const place *at, const group *columns, const int8_t *in, int8_t *out, int32_t count) {
    for (int32_t pair = 0; pair < COLUMNS && pair < count; pair += PAIR)
        one_row_by_pair(at, columns, pair, in, out, count);
}

void eq_armv6_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                       int32_t last_column) {
    const place at = {g, segment_steps(g->segment_bytes), {g->zero_point, g->min, g->max}};
    const size_t bytes = group_bytes(g->segments, g->segment_bytes);
    const char *packed = (const char *)g->packed + (size_t)(first_column / COLUMNS) * bytes;
    for (int32_t n = first_column; n < last_column; n += COLUMNS, packed += bytes) {
        const group *columns = (const void *)packed;
        const int32_t count = last_column - n;
        int32_t r = 0;
        for (; !g->small && r < rows; r++) large_row(&at, columns, in[r], out[r] + n, count);
        for (; r + 1 < rows; r += 2) two_rows(&at, columns, in[r], in[r + 1], out[r] + n, out[r + 1] + n, count);
        if (r < rows) one_row(&at, columns, in[r], out[r] + n, count);
    }
}
