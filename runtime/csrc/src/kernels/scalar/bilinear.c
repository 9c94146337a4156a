#include "set.h"

void eq_scalar_bilinear(const int8_t *const corners[4], int32_t right, int32_t bottom, int32_t channels, int8_t *out) {
    for (int32_t c = 0; c < channels; ++c) {
        const int32_t above = corners[0][c] * 2048 + (corners[1][c] - corners[0][c]) * right;
        const int32_t below = corners[2][c] * 2048 + (corners[3][c] - corners[2][c]) * right;
        const int32_t mix = above * 2048 + (below - above) * bottom; /* of 2^22 */
        out[c] = (int8_t)((mix + (1 << 21)) >> 22);
    }
}
