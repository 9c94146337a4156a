#include "set.h"

void eq_scalar_dot(const int8_t *a, const int8_t *b, int32_t depth, int32_t columns, int32_t *sums) {
    for (int32_t n = 0; n < columns; n++, b += depth) {
        int32_t sum = 0;
        for (int32_t k = 0; k < depth; k += EQ_DOT_DEPTH) {
            int32_t part = 0; /* of so many products that compilers make it vectors */
            for (int32_t i = 0; i < EQ_DOT_DEPTH; i++) {
                part += a[k + i] * b[k + i];
            }
            sum = eq_add_wrapping(sum, part);
        }
        sums[n] = sum;
    }
}
