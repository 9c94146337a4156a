/* Float matrix products: four taps of a row come in one register, and an instruction multiplies by a lane of it. */
#include "floats.h"
#include "kernels/float_value.h"

#include "set.h"

#define ADD_TAPS add_taps
EQ_INLINE const value *add_taps(vec sums[ROWS][VECTORS], const value *weights, const void *const *in, ptrdiff_t offset,
                                int32_t taps, const int rows);
#define ADD_LINE_TAPS add_line_taps
EQ_INLINE const value *add_line_taps(vec sums[LINE_TILES][VECTORS], const value *weights, size_t tile, const value *from,
                                     int32_t taps, const int tiles);

#include "kernels/gemm_f32_template.h"

/* One lane's tap. */
#define ADD_LANE(lane)                                                \
    do {                                                              \
        const vec w0 = load(weights), w1 = load(weights + LANES);     \
        weights += TILE;                                              \
        EQ_UNROLL                                                     \
        for (int r = 0; r < rows; r++) {                              \
            sums[r][0] = vfmaq_laneq_f32(sums[r][0], w0, x[r], lane); \
            sums[r][1] = vfmaq_laneq_f32(sums[r][1], w1, x[r], lane); \
        }                                                             \
    } while (0)

/* Four taps of each row. Pointers are moved by the loads: the compiler is kept from other addresses. */
#define ADD_4_TAPS()                     \
    do {                                 \
        EQ_UNROLL                        \
        for (int r = 0; r < rows; r++) { \
            x[r] = load(from[r]);        \
            from[r] += LANES;            \
            __asm__("" : "+r"(from[r])); \
        }                                \
        ADD_LANE(0);                     \
        ADD_LANE(1);                     \
        ADD_LANE(2);                     \
        ADD_LANE(3);                     \
    } while (0)

EQ_INLINE const value *add_taps(vec sums[ROWS][VECTORS], const value *weights, const void *const *in, ptrdiff_t offset,
                                int32_t taps, const int rows) {
    const value *from[ROWS];
    vec x[ROWS];
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = (const value *)in[r] + offset;
    }
    if (rows == 1) { /* few instructions in a round: unroll */
        for (; taps >= 2 * LANES; taps -= 2 * LANES) {
            ADD_4_TAPS();
            ADD_4_TAPS();
        }
    }
    for (; taps >= LANES; taps -= LANES) {
        ADD_4_TAPS();
    }
    for (; taps > 0; taps--) {
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            x[r] = splat(from[r]++);
        }
        ADD_LANE(0);
    }
    return weights;
}

/* Two taps of a tile, whose weights are adjacent: one load, which moves the pointer. Loads stay behind the products before them: more at
 * once than there are registers would go through memory. */
#define ADD_2_TAPS(i, first)                                                   \
    do {                                                                       \
        __asm__("" : "+r"(next[i]) : "w"(sums[((i) + tiles - 1) % tiles][1])); \
        const float32x4x4_t w = vld1q_f32_x4(next[i]);                         \
        next[i] += 2 * TILE;                                                   \
        sums[i][0] = vfmaq_laneq_f32(sums[i][0], w.val[0], x, first);          \
        sums[i][1] = vfmaq_laneq_f32(sums[i][1], w.val[1], x, first);          \
        sums[i][0] = vfmaq_laneq_f32(sums[i][0], w.val[2], x, (first) + 1);    \
        sums[i][1] = vfmaq_laneq_f32(sums[i][1], w.val[3], x, (first) + 1);    \
    } while (0)

EQ_INLINE const value *add_line_taps(vec sums[LINE_TILES][VECTORS], const value *weights, size_t tile, const value *from,
                                     int32_t taps, const int tiles) {
    const value *next[LINE_TILES], *end = weights + (ptrdiff_t)taps * TILE;
    EQ_UNROLL
    for (int i = 0; i < tiles; i++) {
        next[i] = weights + (size_t)i * tile;
    }
    for (; taps >= LANES; taps -= LANES, from += LANES) {
        const vec x = load(from);
        EQ_UNROLL
        for (int i = 0; i < tiles; i++) {
            ADD_2_TAPS(i, 0);
        }
        EQ_UNROLL
        for (int i = 0; i < tiles; i++) {
            ADD_2_TAPS(i, 2);
        }
    }
    for (; taps > 0; taps--) {
        const vec x = splat(from++);
        EQ_UNROLL
        for (int i = 0; i < tiles; i++) {
            sums[i][0] = vfmaq_f32(sums[i][0], load(next[i]), x);
            sums[i][1] = vfmaq_f32(sums[i][1], load(next[i] + LANES), x);
            next[i] += TILE;
        }
    }
    return end;
}
