/* Float16 matrix products: eight taps of a row come in one register, and an instruction multiplies by a lane of it. */
#include "halves.h"

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
            sums[r][0] = vfmaq_laneq_f16(sums[r][0], w0, x[r], lane); \
            sums[r][1] = vfmaq_laneq_f16(sums[r][1], w1, x[r], lane); \
        }                                                             \
    } while (0)

EQ_INLINE const value *add_taps(vec sums[ROWS][VECTORS], const value *weights, const void *const *in, ptrdiff_t offset,
                                int32_t taps, const int rows) {
    const value *from[ROWS];
    vec x[ROWS];
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
        ADD_LANE(0);
        ADD_LANE(1);
        ADD_LANE(2);
        ADD_LANE(3);
        ADD_LANE(4);
        ADD_LANE(5);
        ADD_LANE(6);
        ADD_LANE(7);
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
