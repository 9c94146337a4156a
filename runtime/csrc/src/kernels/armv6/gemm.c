/* Matrix products. Columns go in groups of four, a group in two pairs.
 *
 * A pair's weights for bytes k .. k + 3 of a segment are two words of two int16, 256 * second + first, where first and second
 * are the columns' weights: of k and k + 2, then of k + 1 and k + 3. SXTB16 makes the first column's from them; the second's
 * need no instruction, since the products with the whole word sum up to 256 * acc[second] + acc[first]. That wraps, but
 * |acc| < 2^22 leaves what is needed: (sum - acc[first]) >> 8. Without `small` the second column's weights are made, too.
 *
 * The two inner loops are in assembly: compilers keep half of the sums in memory. Sums of 2x2 and 1x4 blocks go through
 * memory to the floating-point unit, which loads them cheaper from there than from the other registers.
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
    const eq_gemm_weights reshaped = {w->columns, s.segments, s.taps, w->weights, w->bias, w->scale};
    for (int32_t n = 0; n < w->columns; n += COLUMNS) {
        pack_group(&reshaped, n, packed);
        packed = (char *)packed + group_bytes(s);
    }
}

/* Where blocks read and write. The assembly knows the offsets of the members. */
typedef struct source {
    const int8_t *const *window, *const *last_window;
    const ptrdiff_t *offset, *first_offset, *last_offset;
    size_t segment_bytes; /* of a group's packed weights */
    const uint32_t *weights;
    const int32_t *bias;
    int32_t *acc; /* of the first row */
} source;

/* An even number of rows, two at a time, by the pair of columns whose words begin at from->weights. Of a row and the pair
 * it holds acc[first] and 256 * acc[second] + acc[first]. All registers but one are in use: `end` holds the address of the
 * source, too, which waits on the stack. */
static void sum_two_rows(source *from) {
    uint32_t first_a, both_a, first_b, both_b, in_a, in_b, weights, word, bytes_a, bytes_b, even_a, even_b;
    __asm__ volatile(
        "2:\n\t" /* two rows */
        "ldr %[word], [%[end], #28]\n\t"
        "ldr %[even_a], [%[end], #12]\n\t"
        "ldr %[weights], [%[end], #24]\n\t"
        "ldr %[first_a], [%[word]]\n\t"
        "ldr %[both_a], [%[word], #4]\n\t"
        "str %[even_a], [%[end], #8]\n\t"
        "add %[both_a], %[first_a], %[both_a], lsl #8\n\t"
        "mov %[first_b], %[first_a]\n\t"
        "mov %[both_b], %[both_a]\n\t"
        "1:\n\t" /* a segment */
        "ldr %[even_b], [%[end]]\n\t"
        "ldr %[word], [%[end], #8]\n\t"
        "ldr %[in_a], [%[even_b]]\n\t"
        "ldr %[in_b], [%[even_b], #4]\n\t"
        "ldr %[even_a], [%[word]], #4\n\t"
        "ldr %[even_b], [%[end], #20]\n\t"
        "str %[word], [%[end], #8]\n\t"
        "add %[in_a], %[in_a], %[even_a]\n\t"
        "add %[in_b], %[in_b], %[even_a]\n\t"
        "str %[end], [sp, #-8]!\n\t"
        "add %[end], %[weights], %[even_b]\n\t"
        "0:\n\t" /* four bytes */
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
        "ldr %[even_a], [%[weights], #-12]\n\t" /* the odd bytes' word */
        "smlad %[first_b], %[even_b], %[word], %[first_b]\n\t"
        "cmp %[weights], %[end]\n\t"
        "smlad %[both_a], %[bytes_a], %[even_a], %[both_a]\n\t"
        "smlad %[both_b], %[bytes_b], %[even_a], %[both_b]\n\t"
        "sxtb16 %[even_a], %[even_a]\n\t"
        "smlad %[first_a], %[bytes_a], %[even_a], %[first_a]\n\t"
        "smlad %[first_b], %[bytes_b], %[even_a], %[first_b]\n\t"
        "bne 0b\n\t"
        "ldr %[end], [sp], #8\n\t"
        "ldr %[word], [%[end], #8]\n\t"
        "ldr %[even_a], [%[end], #16]\n\t"
        "cmp %[word], %[even_a]\n\t"
        "bne 1b\n\t"
        "ldr %[word], [%[end], #32]\n\t"
        "ldr %[even_a], [%[end]]\n\t"
        "ldr %[even_b], [%[end], #4]\n\t"
        "sub %[both_a], %[both_a], %[first_a]\n\t"
        "sub %[both_b], %[both_b], %[first_b]\n\t"
        "asr %[both_a], %[both_a], #8\n\t"
        "asr %[both_b], %[both_b], #8\n\t"
        "str %[first_a], [%[word]]\n\t"
        "str %[both_a], [%[word], #4]\n\t"
        "str %[first_b], [%[word], #16]\n\t"
        "str %[both_b], [%[word], #20]\n\t"
        "add %[word], %[word], #32\n\t"
        "add %[even_a], %[even_a], #8\n\t"
        "str %[word], [%[end], #32]\n\t"
        "str %[even_a], [%[end]]\n\t"
        "cmp %[even_a], %[even_b]\n\t"
        "bne 2b"
        : [first_a] "=&r"(first_a), [both_a] "=&r"(both_a), [first_b] "=&r"(first_b), [both_b] "=&r"(both_b),
          [in_a] "=&r"(in_a), [in_b] "=&r"(in_b), [weights] "=&r"(weights), [word] "=&r"(word), [bytes_a] "=&r"(bytes_a),
          [bytes_b] "=&r"(bytes_b), [even_a] "=&r"(even_a), [even_b] "=&r"(even_b), [end] "+r"(from)
        :
        : "cc", "memory");
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

/* A group's sums of `rows` rows. `from` has the windows, the offsets of the segments and room for the sums. */
static void sum_group(const group *columns, const source *from, int32_t rows, bool small) {
    const int32_t paired = small ? rows / 2 * 2 : 0;
    source block = *from;
    block.last_window = from->window + paired;
    for (int32_t pair = 0; paired && pair < COLUMNS; pair += PAIR) {
        block.window = from->window;
        block.weights = columns->weights + pair, block.bias = columns->bias + pair, block.acc = from->acc + pair;
        sum_two_rows(&block);
    }
    block.weights = columns->weights, block.bias = columns->bias;
    for (int32_t r = paired; r < rows; r++) {
        block.window = from->window + r, block.offset = from->first_offset, block.acc = from->acc + r * COLUMNS;
        if (small) {
            sum_one_row(&block);
        } else {
            for (int32_t pair = 0; pair < COLUMNS; pair += PAIR) {
                sum_large(&block, pair);
            }
        }
    }
}

void eq_armv6_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                       int32_t last_column) {
    static const ptrdiff_t no_offset = 0;
    const output_range range = {g->zero_point, g->min, g->max, g->small};
    const eq_window_shape s = eq_window_shape_of(g->segments, g->segment_bytes, STEP);
    const ptrdiff_t *offsets = s.joined ? &no_offset : g->segment_offsets;
    const size_t bytes = group_bytes(s);
    const char *packed = (const char *)g->packed + (size_t)(first_column / COLUMNS) * bytes;
    eq_line lines[ROWS];
    const int8_t *windows[ROWS];
    int32_t acc[ROWS][COLUMNS];
    const source from = {.window = windows,
                         .first_offset = offsets,
                         .last_offset = offsets + s.segments,
                         .segment_bytes = packed_segment_bytes(s),
                         .acc = acc[0]};
    eq_bring_windows(g, in, lines, windows, rows, STEP);
    for (int32_t n = first_column; n < last_column; n += COLUMNS, packed += bytes) {
        const group *columns = (const void *)packed;
        int8_t values[ROWS][COLUMNS];
        sum_group(columns, &from, rows, g->small);
        requantize_fours(acc, columns->scale, range, values, rows);
        for (int32_t r = 0; r < rows; r++) {
            store(out[r] + n, values[r], last_column - n);
        }
    }
}
