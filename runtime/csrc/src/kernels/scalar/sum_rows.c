#include "set.h"

void eq_scalar_sum_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int32_t *sums) {
    for (int32_t r = 0; r < rows; ++r, in += stride) {
        for (int32_t c = 0; c < channels; ++c) {
            sums[c] += in[c];
        }
    }
}
