/* Matrix products of ARMv7, eight columns at a time. VMULL and VMLAL add two products in 16 bits, which weights other than
 * -128 cannot overflow, and VPADAL adds pairs of those to the 32-bit sums.
 *
 * A vector of eight activations is four pairs, and lane n of a vector of sums belongs to column n. Turned by one pair at a
 * time (VEXT) the pairs meet each column's weights, which are packed in that order: no sum has parts to be added at the end.
 *
 * Packed, for every 8 columns: bias (8), scale (8), weights (segments, segment_bytes / 8, turns / 2 = 2, columns / 4 = 2,
 * turns % 2 = 2, columns % 4 = 4, pair = 2); what is past the last tap or column is zero. */
#include "set.h"

#include "kernels/lines.h"
#include "requantize.h"

enum { ROWS = 3, COLUMNS = 8, STEP = 8 /* taps */, STEP_BYTES = COLUMNS * STEP };

typedef struct tile {
    int32_t bias[COLUMNS];
    float scale[COLUMNS];
    int8_t weights[];
} tile;

static size_t tile_bytes(eq_window_shape s) {
    return sizeof(tile) + (size_t)s.segments * eq_steps_of(s, STEP) * STEP_BYTES;
}

size_t eq_neon32_gemm_packed_bytes(const eq_gemm_weights *w) {
    return ((size_t)w->columns + COLUMNS - 1) / COLUMNS * tile_bytes(eq_window_shape_of(w->segments, w->segment_bytes, STEP));
}

/* Where the weight of a tap of a step and a column is. */
static size_t place(int32_t column, int32_t tap) {
    const int32_t turn = (tap / 2 - column % 4 + 4) % 4;
    return (size_t)(turn / 2 * 32 + column / 4 * 16 + turn % 2 * 8 + column % 4 * 2 + tap % 2);
}

static void pack_column(const int8_t *weights, eq_window_shape s, int8_t *packed, int32_t column) {
    for (int32_t segment = 0; segment < s.segments; segment++, packed += eq_steps_of(s, STEP) * STEP_BYTES) {
        for (int32_t k = 0; k < s.taps; k++) {
            packed[(size_t)(k / STEP) * STEP_BYTES + place(column, k % STEP)] = *weights++;
        }
    }
}

void eq_neon32_gemm_pack(const eq_gemm_weights *w, void *packed) {
    const eq_window_shape s = eq_window_shape_of(w->segments, w->segment_bytes, STEP);
    for (int32_t n = 0; n < w->columns; n++) {
        tile *to = (void *)((char *)packed + (size_t)(n / COLUMNS) * tile_bytes(s));
        to->bias[n % COLUMNS] = w->bias[n];
        to->scale[n % COLUMNS] = w->scale[n];
        pack_column(w->weights + (size_t)n * (size_t)w->segments * (size_t)w->segment_bytes, s, to->weights, n % COLUMNS);
    }
}

#define PRODUCTS(to, a, w)                  \
    "vmull.s8 %q[" to "], %e[" a "], %e[" w \
    "]\n\t"                                 \
    "vmlal.s8 %q[" to "], %f[" a "], %f[" w "]\n\t"
#define ADD(sum, products) "vpadal.s16 %q[" sum "], %q[" products "]\n\t"
#define LOAD(to, from) "vld1.8 {%e[" to "], %f[" to "]}, [%[" from "]]!\n\t"
#define LOAD_PAIRS(to, from) "vld1.8 {%e[" to "]}, [%[" from "]]!\n\t"
#define TURN_BY_1(a) "vext.8 %f[" a "], %e[" a "], %e[" a "], #2\n\t"
#define TURN_BY_2(a) "vrev64.32 %q[" a "], %q[" a "]\n\t"

/* A segment of three rows by eight columns. In assembly, since compilers hoist loads and turns until sums go to memory;
 * products wait two rounds to be added, for CPUs that issue in order. */
EQ_INLINE const int8_t *multiply_three(int32x4_t sums[][2], const int8_t *const *in, size_t steps, const int8_t *weights) {
    const int8_t *in0 = in[0], *in1 = in[1], *in2 = in[2];
    int8x16_t a, b, c, v, w; /* the rows' pairs, unturned and turned by one; weights of two halves */
    int16x8_t p, q, r;
    __asm__("0:\n\t" LOAD_PAIRS("a", "in0") LOAD("v", "weights") LOAD_PAIRS("b", "in1") TURN_BY_1("a") LOAD_PAIRS("c", "in2")
                TURN_BY_1("b") PRODUCTS("p", "a", "v") TURN_BY_1("c") PRODUCTS("q", "b", "v") LOAD("w", "weights")
                    PRODUCTS("r", "c", "v") ADD("a0", "p") LOAD("v", "weights") PRODUCTS("p", "a", "w") ADD("b0", "q")
                        TURN_BY_2("a") PRODUCTS("q", "b", "w") ADD("c0", "r") TURN_BY_2("b") PRODUCTS("r", "c", "w")
                            ADD("a1", "p") TURN_BY_2("c") LOAD("w", "weights") PRODUCTS("p", "a", "v")
                                ADD("b1", "q") "subs %[steps], %[steps], #1\n\t" PRODUCTS("q", "b", "v") ADD("c1", "r")
                                    PRODUCTS("r", "c", "v") ADD("a0", "p") PRODUCTS("p", "a", "w") ADD("b0", "q")
                                        PRODUCTS("q", "b", "w") ADD("c0", "r") PRODUCTS("r", "c", "w") ADD("a1", "p")
                                            ADD("b1", "q") ADD("c1", "r") "bne 0b"
            : [a0] "+w"(sums[0][0]), [a1] "+w"(sums[0][1]), [b0] "+w"(sums[1][0]), [b1] "+w"(sums[1][1]), [c0] "+w"(sums[2][0]),
              [c1] "+w"(sums[2][1]), [a] "=&w"(a), [b] "=&w"(b), [c] "=&w"(c), [v] "=&w"(v), [w] "=&w"(w), [p] "=&w"(p),
              [q] "=&w"(q), [r] "=&w"(r), [in0] "+r"(in0), [in1] "+r"(in1), [in2] "+r"(in2), [weights] "+r"(weights),
              [steps] "+r"(steps)
            :
            : "cc", "memory");
    return weights;
}

EQ_INLINE int32x4_t add_products(int32x4_t sums, int8x16_t pairs, int8x16_t weights) {
    const int16x8_t products = vmull_s8(vget_low_s8(pairs), vget_low_s8(weights));
    return vpadalq_s16(sums, vmlal_s8(products, vget_high_s8(pairs), vget_high_s8(weights)));
}

/* A segment of one row by eight columns. */
EQ_INLINE const int8_t *multiply_one(int32x4_t sums[2], const int8_t *in, size_t steps, const int8_t *weights) {
    do {
        const int8x8_t pairs = vld1_s8(in);
        const int8x16_t a = vcombine_s8(pairs, vext_s8(pairs, pairs, 2));
        const int8x16_t b = vreinterpretq_s8_s32(vrev64q_s32(vreinterpretq_s32_s8(a)));
        sums[0] = add_products(sums[0], a, vld1q_s8(weights));
        sums[1] = add_products(sums[1], a, vld1q_s8(weights + 16));
        sums[0] = add_products(sums[0], b, vld1q_s8(weights + 32));
        sums[1] = add_products(sums[1], b, vld1q_s8(weights + 48));
        in += STEP, weights += STEP_BYTES;
    } while (--steps);
    return weights;
}

/* What is the same for all tiles. */
typedef struct product {
    const eq_gemm *gemm;
    eq_window_shape shape;
    const ptrdiff_t *offsets;
    eq_output_stage stage;
} product;

/* One or three rows by at most eight columns; `out` points at pointers to column 0. */
EQ_INLINE void multiply_tile(const product *p, const tile *t, const int8_t *const *in, int8_t *const *out, int32_t column,
                             int32_t count, const int rows) {
    const size_t steps = eq_steps_of(p->shape, STEP);
    const int8_t *weights = t->weights;
    const int32x4_t bias[2] = {vld1q_s32(t->bias), vld1q_s32(t->bias + 4)};
    int32x4_t sums[ROWS][2] = {{bias[0], bias[1]}, {bias[0], bias[1]}, {bias[0], bias[1]}};
    for (int32_t segment = 0; segment < p->shape.segments; segment++) {
        const ptrdiff_t at = p->offsets[segment];
        weights = rows == 1 ? multiply_one(sums[0], in[0] + at, steps, weights)
                            : multiply_three(sums, (const int8_t *[]){in[0] + at, in[1] + at, in[2] + at}, steps, weights);
    }
    const float32x4_t scale[2] = {vld1q_f32(t->scale), vld1q_f32(t->scale + 4)};
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++) {
        eq_store_8(out[r] + column, eq_requantize_8(&p->stage, sums[r], scale, p->gemm->small), count);
    }
}

/* A tile's weights stay in the first-level cache while all rows of the call pass. */
void eq_neon32_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                        int32_t last_column) {
    static const ptrdiff_t no_offset = 0;
    const eq_window_shape s = eq_window_shape_of(g->segments, g->segment_bytes, STEP);
    const product p = {g, s, s.joined ? &no_offset : g->segment_offsets, eq_output_stage_of(g->zero_point, g->min, g->max)};
    const size_t bytes = tile_bytes(s);
    const char *packed = (const char *)g->packed + (size_t)(first_column / COLUMNS) * bytes;
    eq_line lines[EQ_NEON32_ROWS];
    const int8_t *windows[EQ_NEON32_ROWS];
    eq_bring_windows(g, in, lines, windows, rows, STEP);
    for (int32_t n = first_column; n < last_column; n += COLUMNS, packed += bytes) {
        const tile *t = (const void *)packed;
        int32_t r = 0;
        for (; r + ROWS <= rows; r += ROWS) {
            multiply_tile(&p, t, windows + r, out + r, n, last_column - n, ROWS);
        }
        for (; r < rows; r++) {
            multiply_tile(&p, t, windows + r, out + r, n, last_column - n, 1);
        }
    }
}
