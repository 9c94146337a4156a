/* Constant int4 with a float16 scale for each block of values in a row, as converters write large matrices: (rows, depth), two values in
 * a byte, and scales (rows, depth / block size). */
#ifndef EQ_BLOCKS_S4_H
#define EQ_BLOCKS_S4_H

#include "arithmetic/half.h"
#include "plan/plan.h"

/* The scales of a matrix; NULL, with the error written, unless it and they are as they must be. */
const uint16_t *eq_blocks_s4_scales(eq_plan *plan, const eq_operator *op, const eq_tensor *matrix);

static inline int32_t eq_blocks_s4_value(const uint8_t *bytes, size_t index) {
    const int32_t half = bytes[index / 2] >> (index % 2 * 4) & 15;
    return (half ^ 8) - 8;
}

#endif
