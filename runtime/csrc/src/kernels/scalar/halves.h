/* Vectors of one float16, for the templates of float products: as a float, whose digits are those of the float16. */
#ifndef EQ_SCALAR_HALVES_H
#define EQ_SCALAR_HALVES_H

#include <stdint.h>

#include "kernels/inline.h"

typedef uint16_t value;
typedef float vec;
enum { LANES = 1, VECTORS = 1, ROWS = 1, PIXELS = 1 };
#define MOST_ROWS 1
#define CHAIN EQ_F16_CHAIN
#define ANY_WINDOW
#define FLOAT_NAME(kernel, name) eq_scalar_##kernel##_f16_##name
#define BINARY_NAME(name) eq_scalar_##name##_f16

/* Many instructions: functions, and not their copies in every kernel. (halves.c) */
uint16_t eq_scalar_narrow_half(float x);
float eq_scalar_widen_half(uint16_t half);
float eq_scalar_fuse_halves(float a, float b, float c);

EQ_INLINE value to_value(float x) {
    return eq_scalar_narrow_half(x);
}

EQ_INLINE vec load(const value *p) {
    return eq_scalar_widen_half(*p);
}

EQ_INLINE vec splat(const value *p) {
    return load(p);
}

EQ_INLINE vec zero(void) {
    return 0.0f;
}

EQ_INLINE void store(value *p, vec v) {
    *p = to_value(v);
}

EQ_INLINE vec fused(vec w, vec x, vec sum) {
    return eq_scalar_fuse_halves(w, x, sum);
}

EQ_INLINE vec sum_of(vec a, vec b) {
    return fused(a, 1.0f, b);
}

EQ_INLINE vec difference_of(vec a, vec b) {
    return fused(b, -1.0f, a);
}

EQ_INLINE vec product_of(vec a, vec b) {
    return fused(a, b, -0.0f);
}

EQ_INLINE void add_wide(float *wide, vec sum) {
    *wide += sum;
}

EQ_INLINE vec narrow_sum(const float *wide) {
    const value sum = to_value(*wide);
    return load(&sum);
}

/* NaN stays. */
EQ_INLINE vec clamp(vec v, float min, float max) {
    v = v <= min ? min : v;
    return v >= max ? max : v;
}

#endif
