/* Vectors of 4 floats, for the templates of float products. */
#ifndef EQ_NEON64_FLOATS_H
#define EQ_NEON64_FLOATS_H

#include "kernels/neon/float_vectors.h"

enum { LANES = 4, VECTORS = 2, ROWS = 8, PIXELS = 4, LINE_TILES = 4 };
#define MOST_ROWS 8
#define RUNS_LINES
#define COPIES_LINES
#define PREFIX(name) eq_neon64_##name

#endif
