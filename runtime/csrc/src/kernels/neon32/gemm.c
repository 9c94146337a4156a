/* Matrix products of ARMv7, eight columns at a time. VMULL and VMLAL add two products in 16 bits, which weights other than
 * -128 cannot overflow, and VPADAL adds pairs of those to the 32-bit sums.
 *
 * A vector of eight activations is four pairs, and lane n of a vector of sums belongs to column n. Turned by one pair at a
 * time (VEXT) the pairs meet each column's weights, which are packed in that order: no sum has parts to be added at the end.
 *
 * Packed, for every 8 columns: bias (8), scale (8), weights (segments, segment_bytes / 8, turns / 2 = 2, columns / 4 = 2,
 * turns % 2 = 2, columns % 4 = 4, pair = 2); what is past the last tap or column is zero. */
#include "set.h"

#include "requantize.h"

enum { ROWS = 4, COLUMNS = 8, STEP = 8 /* taps */, STEP_BYTES = COLUMNS * STEP, LINE_TAPS = 1024 };

typedef struct tile {
    int32_t bias[COLUMNS];
    float scale[COLUMNS];
    int8_t weights[];
} tile;

/* Segments as the loops see them. Those that are no multiple of a step are joined to one, unless that is too long. */
typedef struct shape {
    int32_t segments, taps;
    bool joined;
} shape;

static shape shape_of(int32_t segments, int32_t segment_bytes) {
    if (segments > 1 && segment_bytes % STEP && segment_bytes <= LINE_TAPS / segments)
        return (shape){1, segments * segment_bytes, true};
    return (shape){segments, segment_bytes, false};
}

static size_t steps_of(int32_t taps) {
    return ((size_t)taps + STEP - 1) / STEP;
}

static size_t tile_bytes(shape s) {
    return sizeof(tile) + (size_t)s.segments * steps_of(s.taps) * STEP_BYTES;
}

size_t eq_neon32_gemm_packed_bytes(const eq_gemm_weights *w) {
    return ((size_t)w->columns + COLUMNS - 1) / COLUMNS * tile_bytes(shape_of(w->segments, w->segment_bytes));
}

/* Where the weight of a tap of a step and a column is. */
static size_t place(int32_t column, int32_t tap) {
    const int32_t turn = (tap / 2 - column % 4 + 4) % 4;
    return (size_t)(turn / 2 * 32 + column / 4 * 16 + turn % 2 * 8 + column % 4 * 2 + tap % 2);
}

static void pack_column(const int8_t *weights, shape s, int8_t *packed, int32_t column) {
    for (int32_t segment = 0; segment < s.segments; segment++, packed += steps_of(s.taps) * STEP_BYTES)
        for (int32_t k = 0; k < s.taps; k++) packed[(size_t)(k / STEP) * STEP_BYTES + place(column, k % STEP)] = *weights++;
}

void eq_neon32_gemm_pack(const eq_gemm_weights *w, void *packed) {
    const shape s = shape_of(w->segments, w->segment_bytes);
    for (int32_t n = 0; n < w->columns; n++) {
        tile *to = (void *)((char *)packed + (size_t)(n / COLUMNS) * tile_bytes(s));
        to->bias[n % COLUMNS] = w->bias[n];
        to->scale[n % COLUMNS] = w->scale[n];
        pack_column(w->weights + (size_t)n * (size_t)w->segments * (size_t)w->segment_bytes, s, to->weights, n % COLUMNS);
    }
}

/* Vectors of an array stay in registers only if its loops are unrolled, which compilers do too late or not at all. */
#define UNROLL _Pragma("GCC unroll 4")

/* Two of the four turns of a step: `even` and `odd` are the rows' activations turned so. */
EQ_INLINE void multiply_turns(int32x4_t sums[][2], const int8x8_t *even, const int8x8_t *odd, const int8_t *weights,
                              const int rows) {
    UNROLL
    for (int half = 0; half < 2; half++) {
        const int8x16_t w = vld1q_s8(weights + 16 * half);
        int16x8_t products[ROWS];
        UNROLL
        for (int r = 0; r < rows; r++) products[r] = vmull_s8(even[r], vget_low_s8(w));
        UNROLL
        for (int r = 0; r < rows; r++) products[r] = vmlal_s8(products[r], odd[r], vget_high_s8(w));
        UNROLL
        for (int r = 0; r < rows; r++) sums[r][half] = vpadalq_s16(sums[r][half], products[r]);
    }
}

/* One segment. */
EQ_INLINE const int8_t *multiply_segment(int32x4_t sums[][2], const int8_t **in, size_t steps, const int8_t *weights,
                                         const int rows) {
    do {
        int8x8_t a[ROWS], b[ROWS];
        UNROLL
        for (int r = 0; r < rows; r++) a[r] = vld1_s8(in[r]), in[r] += STEP;
        UNROLL
        for (int r = 0; r < rows; r++) b[r] = vext_s8(a[r], a[r], 2);
        multiply_turns(sums, a, b, weights, rows);
        UNROLL
        for (int r = 0; r < rows; r++) a[r] = vext_s8(a[r], a[r], 4);
        UNROLL
        for (int r = 0; r < rows; r++) b[r] = vext_s8(b[r], b[r], 4);
        multiply_turns(sums, a, b, weights + 32, rows);
        weights += STEP_BYTES;
    } while (--steps);
    return weights;
}

EQ_INLINE void multiply_rows(const eq_gemm *g, shape s, const ptrdiff_t *offsets, const eq_output_stage *stage,
                             const int8_t *const *in, int8_t *const *out, int32_t first_column, int32_t last_column,
                             const int rows) {
    const size_t bytes = tile_bytes(s), steps = steps_of(s.taps);
    const char *packed = (const char *)g->packed + (size_t)(first_column / COLUMNS) * bytes;
    for (int32_t n = first_column; n < last_column; n += COLUMNS, packed += bytes) {
        const tile *t = (const void *)packed;
        const int8_t *weights = t->weights;
        int32x4_t sums[ROWS][2];
        UNROLL
        for (int r = 0; r < rows; r++)
            UNROLL
            for (int half = 0; half < 2; half++) sums[r][half] = vld1q_s32(t->bias + 4 * half);
        for (int32_t segment = 0; segment < s.segments; segment++) {
            const int8_t *from[ROWS];
            UNROLL
            for (int r = 0; r < rows; r++) from[r] = in[r] + offsets[segment];
            weights = multiply_segment(sums, from, steps, weights, rows);
        }
        const float32x4_t scale[2] = {vld1q_f32(t->scale), vld1q_f32(t->scale + 4)};
        UNROLL
        for (int r = 0; r < rows; r++) {
            const int8x8_t values =
                g->small ? eq_requantize_8(stage, sums[r], scale, true) : eq_requantize_8(stage, sums[r], scale, false);
            eq_store_8(out[r] + n, values, last_column - n);
        }
    }
}

/* A window's segments one after the other; more is read and written than asked for. */
static const int8_t *join(const eq_gemm *g, const int8_t *in, int8_t *line) {
    for (int32_t s = 0; s < g->segments; s++)
        for (int32_t k = 0; k < g->segment_bytes; k += STEP)
            vst1_s8(line + s * g->segment_bytes + k, vld1_s8(in + g->segment_offsets[s] + k));
    return line;
}

void eq_neon32_gemm_run(const eq_gemm *g, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                        int32_t last_column) {
    static const ptrdiff_t no_offset = 0;
    const eq_output_stage stage = eq_output_stage_of(g->zero_point, g->min, g->max);
    const shape s = shape_of(g->segments, g->segment_bytes);
    const ptrdiff_t *offsets = s.joined ? &no_offset : g->segment_offsets;
    while (rows > 0) {
        int8_t lines[ROWS][LINE_TAPS + STEP];
        const int8_t *windows[ROWS];
        int8_t *pixels[ROWS];
        const int32_t done = rows >= 3 ? (rows == 3 ? 3 : ROWS) : 1; /* the last of three is done twice */
        for (int32_t r = 0; r < ROWS; r++) {
            const int32_t row = r < done ? r : done - 1;
            windows[r] = s.joined && r < done ? join(g, in[row], lines[row]) : s.joined ? lines[row] : in[row];
            pixels[r] = out[row];
        }
        if (done == 1) {
            multiply_rows(g, s, offsets, &stage, windows, pixels, first_column, last_column, 1);
        } else {
            multiply_rows(g, s, offsets, &stage, windows, pixels, first_column, last_column, ROWS);
        }
        in += done, out += done, rows -= done;
    }
}
