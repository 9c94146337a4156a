/* out = table[in + 128]. */
#include "set.h"

void eq_scalar_lookup(const int8_t table[256], const int8_t *in, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = table[in[i] + 128];
    }
}
