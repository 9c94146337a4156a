/* 3x3 convolution by Winograd's F(4x4, 3x3) on ARMv8.0: a quarter of the products, of int16 (SMLAL by lane, four at once) instead of
 * int8 (eight), so that the multiplier works half as long. The transforms are in winograd_transforms.h.
 *
 * Packed, for every 8 columns: bias (8), scale (8), transformed weights (36 positions, channels, 8), int16.
 * Scratch: the transformed input, (36 positions, channels / 8, TILES, 8), int16. */
#include "winograd_transforms.h"
#include "set.h"

enum { POSITIONS = 36, TILES = 8, HEAD_BYTES = 64 };

size_t eq_neon64_winograd_packed_bytes(const eq_gemm_weights *w) {
    const size_t channels = (size_t)w->segment_bytes / 3;
    return (size_t)w->columns / 8 * (HEAD_BYTES + POSITIONS * channels * 8 * sizeof(int16_t));
}

/* 24 times G g, a row or column of the weights. */
static void transform_weights(const int16_t *from, ptrdiff_t step, int16_t *to, ptrdiff_t to_step) {
    const int16_t a = from[0], b = from[step], c = from[2 * step];
    const int32_t values[6] = {a, -(a + b + c), b - a - c, a + 2 * b + 4 * c, a - 2 * b + 4 * c, c};
    for (int i = 0; i < 6; i++) {
        to[i * to_step] = (int16_t)values[i];
    }
}

static void pack_channel(const int8_t *taps, ptrdiff_t tap_step, int16_t *to, ptrdiff_t position_step) {
    int16_t weights[9], rows[3 * 6];
    for (int i = 0; i < 9; i++) {
        weights[i] = taps[i * tap_step];
    }
    for (int y = 0; y < 3; y++) {
        transform_weights(weights + 3 * y, 1, rows + 6 * y, 1);
    }
    for (int x = 0; x < 6; x++) {
        transform_weights(rows + x, 6, to + x * position_step, 6 * position_step);
    }
}

void eq_neon64_winograd_pack(const eq_gemm_weights *w, void *packed) {
    const int32_t channels = w->segment_bytes / 3, bits = eq_bias_bits(w->small, w->zero_point);
    int8_t *to = packed;
    for (int32_t n = 0; n < w->columns; n += 8) {
        for (int32_t i = 0; i < 8; i++) {
            const int32_t bias = eq_add_wrapping(w->bias[n + i], bits);
            memcpy(to + 4 * i, &bias, 4);
        }
        memcpy(to + 32, w->scale + n, 32);
        int16_t *weights = (int16_t *)(void *)(to + HEAD_BYTES);
        for (int32_t c = 0; c < channels; c++) {
            for (int32_t i = 0; i < 8; i++) {
                const int8_t *taps = w->weights + (ptrdiff_t)(n + i) * 9 * channels + c;
                pack_channel(taps, channels, weights + c * 8 + i, (ptrdiff_t)channels * 8);
            }
        }
        to = (int8_t *)(weights + (ptrdiff_t)POSITIONS * channels * 8);
    }
}

size_t eq_neon64_winograd_scratch_bytes(int32_t channels) {
    return POSITIONS * (size_t)channels * TILES * sizeof(int16_t);
}

/* The products of channel `lane` of eight: all tiles by eight columns. */
#define ADD_CHANNEL(lane)                                                           \
    do {                                                                            \
        const int16x8_t w = vld1q_s16(weights + 8 * (lane));                        \
        EQ_UNROLL                                                                   \
        for (int t = 0; t < tiles; t++) {                                           \
            sums[t][0] = vmlal_laneq_s16(sums[t][0], vget_low_s16(w), in[t], lane); \
            sums[t][1] = vmlal_high_laneq_s16(sums[t][1], w, in[t], lane);          \
        }                                                                           \
    } while (0)

/* At each position a product of (tiles, channels) by (channels, 8); `sums` of one position is (TILES, 8). */
EQ_INLINE void multiply(const int16_t *transformed, const int16_t *weights, int32_t channels, int32_t *to, const int tiles) {
    for (int position = 0; position < POSITIONS; position++, to += TILES * 8) {
        int32x4_t sums[TILES][2];
        EQ_UNROLL
        for (int t = 0; t < tiles; t++) {
            sums[t][0] = sums[t][1] = vdupq_n_s32(0);
        }
        for (uint32_t left = (uint32_t)channels / 8; left != 0; left--, transformed += TILES * 8, weights += 64) {
            int16x8_t in[TILES];
            EQ_UNROLL
            for (int t = 0; t < tiles; t++) {
                in[t] = vld1q_s16(transformed + 8 * t);
            }
            ADD_CHANNEL(0);
            ADD_CHANNEL(1);
            ADD_CHANNEL(2);
            ADD_CHANNEL(3);
            ADD_CHANNEL(4);
            ADD_CHANNEL(5);
            ADD_CHANNEL(6);
            ADD_CHANNEL(7);
        }
        EQ_UNROLL
        for (int t = 0; t < tiles; t++) {
            vst1q_s32(to + 8 * t, sums[t][0]);
            vst1q_s32(to + 8 * t + 4, sums[t][1]);
        }
    }
}

static __attribute__((noinline)) void multiply_8(const int16_t *in, const int16_t *weights, int32_t channels, int32_t *to) {
    multiply(in, weights, channels, to, 8);
}

static __attribute__((noinline)) void multiply_4(const int16_t *in, const int16_t *weights, int32_t channels, int32_t *to) {
    multiply(in, weights, channels, to, 4);
}

void eq_neon64_winograd_run(const eq_winograd *w, const eq_winograd_tile *tiles, int32_t count, int32_t first_column,
                            int32_t last_column, void *scratch) {
    const ptrdiff_t block_bytes = HEAD_BYTES + (ptrdiff_t)POSITIONS * w->channels * 8 * 2;
    const int8_t *packed = (const int8_t *)w->packed + first_column / 8 * block_bytes;
    const eq_output_stage stage = eq_output_stage_of(w->zero_point, w->min, w->max, w->small);
    int32_t sums[POSITIONS * TILES * 8];
    for (int32_t t = 0; t < count; t++) {
        eq_winograd_transform_input(w, tiles[t].in, (int16_t *)scratch + 8 * t, TILES * 8);
    }
    for (int32_t column = first_column; column < last_column; column += 8, packed += block_bytes) {
        (count > 4 ? multiply_8 : multiply_4)(scratch, (const void *)(packed + HEAD_BYTES), w->channels, sums);
        for (int32_t t = 0; t < count; t++) {
            eq_winograd_transform_output(w, &stage, packed, sums + 8 * t, TILES * 8, &tiles[t], column);
        }
    }
}
