/* Float16 matrix products: eight taps of a row come in one register, and an instruction multiplies by a lane of it. */
#include "halves.h"

#include "set.h"

#define ADD_TAPS add_taps
EQ_INLINE const value *add_taps(vec sums[ROWS][VECTORS], const value *weights, const void *const *in, ptrdiff_t offset,
                                int32_t taps, const int rows);

#include "kernels/gemm_f32_template.h"

/* One lane's tap. */
#define ADD_LANE(lane, w0, w1)                                        \
    do {                                                              \
        EQ_UNROLL                                                     \
        for (int r = 0; r < rows; r++) {                              \
            sums[r][0] = vfmaq_laneq_f16(sums[r][0], w0, x[r], lane); \
            sums[r][1] = vfmaq_laneq_f16(sums[r][1], w1, x[r], lane); \
        }                                                             \
    } while (0)

/* Two, whose weights are one load. */
#define ADD_LANES(first, second)                                          \
    do {                                                                  \
        const float16x8x4_t w = vld1q_f16_x4((const float16_t *)weights); \
        weights += 2 * TILE;                                              \
        __asm__("" : "+r"(weights)); /* moved by the load, as rows are */ \
        ADD_LANE(first, w.val[0], w.val[1]);                              \
        ADD_LANE(second, w.val[2], w.val[3]);                             \
    } while (0)

EQ_INLINE const value *add_taps(vec sums[ROWS][VECTORS], const value *weights, const void *const *in, ptrdiff_t offset,
                                int32_t taps, const int rows) {
    const value *from[ROWS];
    vec x[ROWS];
    __asm__("" : "+r"(offset)); /* one sum, which the compiler would add part by part to each row */
    EQ_UNROLL
    for (int r = 0; r < rows; r++) {
        from[r] = (const value *)in[r] + offset;
    }
    for (; taps >= LANES; taps -= LANES) {
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            x[r] = load(from[r]);
            from[r] += LANES;
            __asm__("" : "+r"(from[r])); /* moved by the load: the compiler is kept from other addresses */
        }
        ADD_LANES(0, 1);
        ADD_LANES(2, 3);
        ADD_LANES(4, 5);
        ADD_LANES(6, 7);
    }
    for (; taps > 0; taps--) {
        EQ_UNROLL
        for (int r = 0; r < rows; r++) {
            x[r] = splat(from[r]++);
        }
        ADD_LANE(0, load(weights), load(weights + LANES));
        weights += TILE;
    }
    return weights;
}
