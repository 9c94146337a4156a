/* Vectors of 4 floats, for the templates of float products. NEON of 32-bit systems takes numbers below 2^-126
 * for 0. */
#ifndef EQ_NEON32_FLOATS_H
#define EQ_NEON32_FLOATS_H

#include "kernels/neon/float_vectors.h"

enum { LANES = 4, VECTORS = 2, ROWS = 4, PIXELS = 2 };
#define MOST_ROWS 4
#define PREFIX(name) eq_neon32_##name

#endif
