/* Matrix products. Columns go in groups of four, a group in two pairs.
 *
 * A pair's weights for bytes k .. k + 3 of a segment are two words of two int16, 256 * second + first, where first and second
 * are the columns' weights: of k and k + 2, then of k + 1 and k + 3. SXTB16 makes the first column's from them; the second's
 * need no instruction, since the products with the whole word sum up to 256 * acc[second] + acc[first]. That wraps, but
 * |acc| < 2^23 leaves what is needed: (sum - acc[first]) >> 8. Without `small` the second column's weights are made, too.
 *
 * Rows go in pairs, their bytes widened to int16 once for all columns; a row without another is read as it is. The two inner loops are
 * in assembly: compilers keep half of the sums in memory. Sums of 2x2 and 1x4 blocks go through memory to the floating-point
 * unit, which loads them cheaper from there than from the other registers.
 *
 * Packed: groups of {bias[4], scale[4], (segments, segment_bytes / 4 rounded up, pairs = 2, words = 2)}. */
#include "set.h"

#include "kernels/lines.h"
#include "media.h"

enum { ROWS = EQ_ARMV6_ROWS, COLUMNS = 4, PAIR = 2, STEP = 4 /* bytes of a segment */, STEP_WORDS = 4 };

typedef struct group {
    int32_t bias[COLUMNS];
    float scale[COLUMNS];
    uint32_t weights[];
} group;

static size_t packed_segment_bytes(eq_window_shape s) {
    return eq_steps_of(s, STEP) * STEP_WORDS * sizeof(uint32_t);
}

static size_t group_bytes(eq_window_shape s) {
    return sizeof(group) + (size_t)s.segments * packed_segment_bytes(s);
}

size_t eq_armv6_gemm_packed_bytes(const eq_gemm_weights *w) {
    const eq_window_shape s = eq_window_shape_of(w->segments, w->segment_bytes, STEP);
    return ((size_t)w->columns + COLUMNS - 1) / COLUMNS * group_bytes(s);
}

/* The weight of byte k of segment s for column n; 0 past the last of each. */
static int32_t weight_at(const eq_gemm_weights *w, int32_t n, int32_t s, size_t k) {
    if (n >= w->columns || k >= (size_t)w->segment_bytes) {
        return 0;
    }
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
    const eq_window_shape s = eq_window_shape_of(w->segments, w->segment_bytes, STEP);
    eq_gemm_weights reshaped = *w;
    reshaped.segments = s.segments, reshaped.segment_bytes = s.taps;
    for (int32_t n = 0; n < w->columns; n += COLUMNS) {
        pack_group(&reshaped, n, packed);
        packed = (char *)packed + group_bytes(s);
    }
}

/* Where one row reads and writes. The assembly knows the offsets of the members. */
typedef struct source {
    const int8_t *const *window;
    const uint32_t *weights;
    const ptrdiff_t *offset, *first_offset, *last_offset;
    size_t segment_bytes; /* of a group's packed weights */
    const int32_t *bias;
    int32_t *acc;
} source;

/* Rows two by two, each byte an int16: of every four bytes even_bytes and odd_bytes of the first row, then of the second. Then
 * the loop over their products with all columns begins with what it multiplies. They share the first cache with a group's
 * weights. */
enum { WIDE_WORDS = 3072, WIDE_STEP_WORDS = 4 };

static uint32_t *widen(const int8_t *a, const int8_t *b, size_t steps, uint32_t *wide) {
    for (const uint32_t *end = wide + steps * WIDE_STEP_WORDS; wide != end; wide += WIDE_STEP_WORDS, a += STEP, b += STEP) {
        const uint32_t bytes_a = load_bytes(a), bytes_b = load_bytes(b);
        wide[0] = (uint32_t)even_bytes(bytes_a), wide[1] = (uint32_t)odd_bytes(bytes_a);
        wide[2] = (uint32_t)even_bytes(bytes_b), wide[3] = (uint32_t)odd_bytes(bytes_b);
    }
    return wide;
}

static size_t wide_bytes(eq_window_shape s) {
    return (size_t)s.segments * eq_steps_of(s, STEP) * WIDE_STEP_WORDS * sizeof(uint32_t);
}

static void widen_rows(const int8_t *const *windows, int32_t rows, const ptrdiff_t *offsets, eq_window_shape s,
                       uint32_t *wide) {
    for (int32_t r = 0; r < rows; r += 2) {
        for (int32_t k = 0; k < s.segments; k++) {
            wide = widen(windows[r] + offsets[k], windows[r + 1] + offsets[k], eq_steps_of(s, STEP), wide);
        }
    }
}

/* A pair of columns by widened rows. The assembly knows the offsets of the members. */
typedef struct wide_pair {
    _Alignas(8) int32_t first_bias;
    int32_t both_bias;
    const uint32_t *weights;
    size_t row_bytes; /* of two widened rows: a multiple of 16, and of 32 if the number of steps is even */
    const uint32_t *rows;
    int32_t *acc, *last_acc; /* (rows, COLUMNS) */
} wide_pair;

/* Four taps, widened in r6 to r9, by the bytes of two pairs in r10 and r11. */
#define MULTIPLY_STEP           \
    "smlad r1, r6, r10, r1\n\t" \
    "smlad r3, r8, r10, r3\n\t" \
    "sxtb16 r10, r10\n\t"       \
    "smlad r1, r7, r11, r1\n\t" \
    "smlad r3, r9, r11, r3\n\t" \
    "sxtb16 r11, r11\n\t"       \
    "smlad r0, r6, r10, r0\n\t" \
    "smlad r2, r8, r10, r2\n\t" \
    "smlad r0, r7, r11, r0\n\t" \
    "smlad r2, r9, r11, r2\n\t"

/* Two rows at a time, two steps at a time. Of each row and the pair it holds acc[first] and 256 * acc[second] + acc[first]. All
 * registers are in use: a step's inputs come with one LDM, which wants them in order. */
static void sum_two_rows(const wide_pair *from) {
    wide_pair pair = *from;
    register wide_pair *at __asm__("lr") = &pair;
    __asm__ volatile(
        "str r11, [sp, #-8]!\n\t" /* the frame pointer */
        "ldr r4, [lr, #16]\n\t"
        "2:\n\t" /* two rows */
        "ldr r12, [lr, #12]\n\t"
        "ldr r5, [lr, #8]\n\t"
        "ldrd r0, r1, [lr]\n\t"
        "ldrd r2, r3, [lr]\n\t"
        "tst r12, #16\n\t"
        "add r12, r4, r12\n\t"
        "bne 1f\n\t"
        "0:\n\t" /* a step: four taps */
        "ldmia r4!, {r6, r7, r8, r9}\n\t"
        "ldrd r10, r11, [r5], #16\n\t" MULTIPLY_STEP
        "1:\n\t"
        "ldmia r4!, {r6, r7, r8, r9}\n\t"
        "ldrd r10, r11, [r5], #16\n\t"
        "cmp r4, r12\n\t" MULTIPLY_STEP
        "bne 0b\n\t"
        "ldr r12, [lr, #20]\n\t"
        "ldr r10, [lr, #24]\n\t"
        "sub r1, r1, r0\n\t"
        "sub r3, r3, r2\n\t"
        "asr r1, r1, #8\n\t"
        "asr r3, r3, #8\n\t"
        "strd r0, r1, [r12], #16\n\t"
        "strd r2, r3, [r12], #16\n\t"
        "cmp r12, r10\n\t"
        "str r12, [lr, #20]\n\t"
        "bne 2b\n\t"
        "ldr r11, [sp], #8"
        :
        : [at] "r"(at)
        : "cc", "memory", "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r12");
}

/* The row at from->window by a group: pairs a and b. */
static void sum_one_row(source *from) {
    const int32_t *bias = from->bias;
    int32_t first_a = bias[0], first_b = bias[2];
    int32_t both_a = (int32_t)(((uint32_t)bias[1] << 8) + (uint32_t)first_a);
    int32_t both_b = (int32_t)(((uint32_t)bias[3] << 8) + (uint32_t)first_b);
    const uint32_t *weights = from->weights;
    uint32_t in, end, bytes, even, word, next;
    __asm__ volatile(
        "1:\n\t"
        "ldr %[word], [%[from], #8]\n\t"
        "ldr %[in], [%[from]]\n\t"
        "ldr %[end], [%[from], #20]\n\t"
        "ldr %[even], [%[word]], #4\n\t"
        "ldr %[in], [%[in]]\n\t"
        "add %[end], %[end], %[weights]\n\t"
        "str %[word], [%[from], #8]\n\t"
        "add %[in], %[in], %[even]\n\t"
        "0:\n\t"
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
        "bne 0b\n\t"
        "ldr %[word], [%[from], #8]\n\t"
        "ldr %[even], [%[from], #16]\n\t"
        "cmp %[word], %[even]\n\t"
        "bne 1b"
        : [first_a] "+r"(first_a), [both_a] "+r"(both_a), [first_b] "+r"(first_b), [both_b] "+r"(both_b), [in] "=&r"(in),
          [end] "=&r"(end), [weights] "+r"(weights), [bytes] "=&r"(bytes), [even] "=&r"(even), [word] "=&r"(word),
          [next] "=&r"(next)
        : [from] "r"(from)
        : "cc", "memory");
    from->acc[0] = first_a, from->acc[1] = (int32_t)((uint32_t)both_a - (uint32_t)first_a) >> 8;
    from->acc[2] = first_b, from->acc[3] = (int32_t)((uint32_t)both_b - (uint32_t)first_b) >> 8;
}

/* The row at from->window by a pair of columns whose sums may be of any size: each column has a sum of its own. */
static void sum_large(const source *from, int32_t pair) {
    const uint32_t *weights = from->weights + pair;
    int32_t first_sum = from->bias[pair], second_sum = from->bias[pair + 1];
    for (const ptrdiff_t *offset = from->first_offset; offset != from->last_offset; offset++) {
        const int8_t *in = *from->window + *offset;
        for (size_t k = 0; k < from->segment_bytes; k += STEP_WORDS * sizeof(uint32_t), weights += STEP_WORDS, in += STEP) {
            const uint32_t bytes = load_bytes(in);
            const int16x2_t first[2] = {__sxtb16(weights[0]), __sxtb16(weights[1])};
            first_sum = __smlad(even_bytes(bytes), first[0], first_sum);
            first_sum = __smlad(odd_bytes(bytes), first[1], first_sum);
            second_sum = __smlad(even_bytes(bytes), odd_bytes(__ssub16(weights[0], first[0])), second_sum);
            second_sum = __smlad(odd_bytes(bytes), odd_bytes(__ssub16(weights[1], first[1])), second_sum);
        }
    }
    from->acc[pair] = first_sum, from->acc[pair + 1] = second_sum;
}

/* A group's sums of rows first to rows - 1, from the windows themselves. */
static void sum_rows(const group *columns, source from, const int8_t *const *windows, int32_t first, int32_t rows, bool small,
                     int32_t (*acc)[COLUMNS]) {
    for (int32_t r = first; r < rows; r++) {
        from.weights = columns->weights, from.bias = columns->bias;
        from.window = windows + r, from.offset = from.first_offset, from.acc = acc[r];
        if (small) {
            sum_one_row(&from);
        } else {
            for (int32_t pair = 0; pair < COLUMNS; pair += PAIR) {
                sum_large(&from, pair);
            }
        }
    }
}

/* A group's sums of an even number of widened rows. */
static void sum_wide(const group *columns, wide_pair from, int32_t rows, int32_t (*acc)[COLUMNS]) {
    for (int32_t pair = 0; pair < COLUMNS; pair += PAIR) {
        from.first_bias = columns->bias[pair];
        from.both_bias = (int32_t)(((uint32_t)columns->bias[pair + 1] << 8) + (uint32_t)columns->bias[pair]);
        from.weights = columns->weights + pair;
        from.acc = acc[0] + pair, from.last_acc = acc[rows] + pair;
        sum_two_rows(&from);
    }
}

typedef struct tile {
    const int8_t *const *windows;
    int8_t *const *out;
    int32_t rows;
} tile;

/* `wide` of the rows are widened, an even number. */
static void run_tile(const eq_gemm *g, tile t, int32_t first_column, int32_t last_column, int32_t wide, uint32_t *words) {
    static const ptrdiff_t no_offset = 0;
    const output_range range = {g->zero_point, g->min, g->max, g->small};
    const eq_window_shape s = eq_window_shape_of(g->segments, g->segment_bytes, STEP);
    const ptrdiff_t *offsets = s.joined ? &no_offset : g->segment_offsets;
    const size_t bytes = group_bytes(s);
    const char *packed = (const char *)g->packed + (size_t)(first_column / COLUMNS) * bytes;
    _Alignas(8) int32_t acc[ROWS][COLUMNS];
    const source from = {
        .first_offset = offsets, .last_offset = offsets + s.segments, .segment_bytes = packed_segment_bytes(s)};
    const wide_pair pair = {.row_bytes = wide_bytes(s), .rows = words};
    widen_rows(t.windows, wide, offsets, s, words);
    for (int32_t n = first_column; n < last_column; n += COLUMNS, packed += bytes) {
        const group *columns = (const void *)packed;
        if (wide) {
            sum_wide(columns, pair, wide, acc);
        }
        sum_rows(columns, from, t.windows, wide, t.rows, g->small, acc);
        requantize_fours(acc, columns->scale, range, t.out, n, last_column - n, t.rows);
    }
}

void eq_armv6_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                       int32_t last_column) {
    const eq_window_shape s = eq_window_shape_of(g->segments, g->segment_bytes, STEP);
    const size_t pairs = sizeof(uint32_t) * WIDE_WORDS / wide_bytes(s);
    const int32_t most = !g->small || pairs == 0 ? rows : pairs < ROWS / 2 ? 2 * (int32_t)pairs : ROWS;
    _Alignas(8) uint32_t wide[WIDE_WORDS];
    eq_line lines[ROWS];
    const int8_t *windows[ROWS];
    eq_bring_windows(g, in, lines, windows, rows, STEP);
    for (int32_t r = 0; r < rows; r += most) {
        const tile t = {windows + r, out + r, rows - r < most ? rows - r : most};
        run_tile(g, t, first_column, last_column, g->small && pairs > 0 ? t.rows / 2 * 2 : 0, wide);
    }
}
