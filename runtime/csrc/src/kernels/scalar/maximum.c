/* The larger or the smaller of two values. */
#include "set.h"

void eq_scalar_maximum(const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = a[i] > b[i] ? a[i] : b[i];
    }
}

void eq_scalar_minimum(const int8_t *a, const int8_t *b, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = a[i] < b[i] ? a[i] : b[i];
    }
}
