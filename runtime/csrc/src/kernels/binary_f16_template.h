/* Sums and products of two float16 tensors: include after halves.h. */
#include <string.h>

#include "inline.h"
#include "kernels.h"

#define BINARY(operation, function)                                                                                     \
    EQ_INLINE void operation##_two_vectors(const uint16_t *a, const uint16_t *b, float min, float max, uint16_t *out) { \
        vec results[2];                                                                                                 \
        EQ_UNROLL                                                                                                       \
        for (int i = 0; i < 2; i++) {                                                                                   \
            const vec x = load(a + i * LANES), y = load(b + i * LANES);                                                 \
            results[i] = clamp(function(x, y), min, max);                                                               \
        }                                                                                                               \
        EQ_UNROLL                                                                                                       \
        for (int i = 0; i < 2; i++) {                                                                                   \
            store(out + i * LANES, results[i]);                                                                         \
        }                                                                                                               \
    }                                                                                                                   \
    void BINARY_NAME(operation)(const uint16_t *a, const uint16_t *b, float min, float max, uint16_t *out, size_t n) {  \
        for (; n >= 2 * LANES; n -= 2 * LANES, a += 2 * LANES, b += 2 * LANES, out += 2 * LANES) {                      \
            operation##_two_vectors(a, b, min, max, out);                                                               \
        }                                                                                                               \
        if (n > 0) {                                                                                                    \
            uint16_t rest[3][2 * LANES] = {{0}};                                                                        \
            memcpy(rest[0], a, n * sizeof *a);                                                                          \
            memcpy(rest[1], b, n * sizeof *b);                                                                          \
            operation##_two_vectors(rest[0], rest[1], min, max, rest[2]);                                               \
            memcpy(out, rest[2], n * sizeof *out);                                                                      \
        }                                                                                                               \
    }

BINARY(add, sum_of)
BINARY(multiply, product_of)
