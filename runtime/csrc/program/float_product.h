/* A tile of a float32 matrix product in each vector width that this architecture has. */
#ifndef FLOAT_PRODUCT_H
#define FLOAT_PRODUCT_H

#include <string.h>

enum { FLOAT_ROWS = 4, FLOAT_DEPTH = 128 };

/* c (FLOAT_ROWS, columns) = sum over k of a (depth, FLOAT_ROWS) and b (depth, columns). */
typedef void float_product(const float *a, const float *b, float *c, int depth);

typedef struct float_kernel {
    float_product *product;
    int columns;
} float_kernel;

float_kernel best_float_kernel(void);
float_product float_product_neon; /* of 8 columns, in a file of its own: 32-bit ARM has no such vectors by itself */

/* Two vectors of `bytes` by FLOAT_ROWS rows: eight sums, which keep the multipliers of all these CPUs busy. */
#define DEFINE_FLOAT_PRODUCT(name, bytes)                                                  \
    void name(const float *a, const float *b, float *c, int depth) {                       \
        typedef float vector __attribute__((vector_size(bytes)));                          \
        vector sums[FLOAT_ROWS][2] = {0}, part[2];                                         \
        for (int k = 0; k < depth; k++, a += FLOAT_ROWS, b += 2 * bytes / sizeof(float)) { \
            memcpy(part, b, sizeof part);                                                  \
            for (int r = 0; r < FLOAT_ROWS; r++)                                           \
                for (int v = 0; v < 2; v++)                                                \
                    sums[r][v] += part[v] * a[r];                                          \
        }                                                                                  \
        memcpy(c, sums, sizeof sums);                                                      \
    }

#endif
