/* Sums and products of two float16 tensors: include after halves.h. */
#include <string.h>

#include "kernels.h"

#define BINARY(name, expression)                                                                     \
    void name(const uint16_t *a, const uint16_t *b, float min, float max, uint16_t *out, size_t n) { \
        for (; n >= LANES; n -= LANES, a += LANES, b += LANES, out += LANES) {                       \
            const vec x = load(a), y = load(b);                                                      \
            store(out, clamp(expression, min, max));                                                 \
        }                                                                                            \
        if (n > 0) {                                                                                 \
            uint16_t rest[3][LANES] = {{0}};                                                         \
            memcpy(rest[0], a, n * sizeof *a);                                                       \
            memcpy(rest[1], b, n * sizeof *b);                                                       \
            const vec x = load(rest[0]), y = load(rest[1]);                                          \
            store(rest[2], clamp(expression, min, max));                                             \
            memcpy(out, rest[2], n * sizeof *out);                                                   \
        }                                                                                            \
    }

BINARY(BINARY_NAME(add), sum_of(x, y))
BINARY(BINARY_NAME(multiply), product_of(x, y))
