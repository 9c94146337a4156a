#include "set.h"

void eq_scalar_max_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int8_t *out) {
    for (int32_t r = 0; r < rows; ++r, in += stride) {
        for (int32_t c = 0; c < channels; ++c) {
            out[c] = in[c] > out[c] ? in[c] : out[c];
        }
    }
}
