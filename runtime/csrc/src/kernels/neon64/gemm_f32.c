/* Float matrix products: four taps of a row come in one register, and an instruction multiplies by a lane of it. */
#include "floats.h"
#include "kernels/float_value.h"

#include "set.h"

#define ADD_TAPS add_taps
EQ_INLINE const value *add_taps(vec sums[ROWS][VECTORS], const value *weights, const void *const *in, ptrdiff_t offset,
                                int32_t taps, const int rows);

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
