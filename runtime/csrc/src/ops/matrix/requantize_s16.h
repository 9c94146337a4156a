/* From sums to int16: LiteRT's three ways (docs/arithmetic.md). */
#ifndef EQ_REQUANTIZE_S16_H
#define EQ_REQUANTIZE_S16_H

#include <math.h>

#include "arithmetic/fixed_point.h"

/* The scale's 16 highest bits, one rounding, ties up; wraps. scale.shift is at most 14. (MultiplyByQuantizedMultiplier of int64) */
static inline int32_t eq_multiply_by_sixteen_bits(int64_t sum, eq_fixed scale) {
    const int32_t multiplier = scale.multiplier < 0x7FFF0000 ? (scale.multiplier + (1 << 15)) >> 16 : 0x7FFF;
    const int32_t right = 15 - scale.shift; /* 1 to 46 */
    const uint64_t product = (uint64_t)sum * (uint64_t)multiplier + (UINT64_C(1) << (right - 1));
    return (int32_t)(uint32_t)(uint64_t)((int64_t)product >> right);
}

/* Ties away from zero. LiteRT's result beyond int32 depends on the CPU; this saturates, as AArch64 does. */
static inline int32_t eq_multiply_in_double(int64_t sum, double scale) {
    const double x = round((double)sum * scale);
    return x < -0x1p31 ? INT32_MIN : x > 0x1.fffffffcp30 ? INT32_MAX : (int32_t)x;
}

#endif
