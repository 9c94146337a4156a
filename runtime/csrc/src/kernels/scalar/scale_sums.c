#include "../../arithmetic.h"
#include "set.h"

void eq_scalar_scale_sums(const int32_t *sums, float scale, float offset, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        float x = (float)sums[i] * scale;
        x = x + offset;
        x = x < -128.0f ? -128.0f : x;
        x = x > 127.0f ? 127.0f : x;
        out[i] = (int8_t)eq_round(x);
    }
}
