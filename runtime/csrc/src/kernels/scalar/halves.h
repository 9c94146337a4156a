/* Vectors of one float16, for the templates of float products: as a float, whose digits are those of the float16. */
#ifndef EQ_SCALAR_HALVES_H
#define EQ_SCALAR_HALVES_H

#include "arithmetic/half.h"
#include "kernels/inline.h"

typedef uint16_t value;
typedef float vec;
enum { LANES = 1, VECTORS = 1, ROWS = 1, PIXELS = 1 };
#define MOST_ROWS 1
#define CHAIN EQ_F16_CHAIN
#define ANY_WINDOW
#define FLOAT_NAME(kernel, name) eq_scalar_##kernel##_f16_##name
#define BINARY_NAME(name) eq_scalar_##name##_f16

#define EQ_ONCE static __attribute__((noinline, unused)) /* many instructions: a function and not its copies */

EQ_ONCE value to_value(float x) {
    return eq_half_from_float(x);
}

EQ_ONCE vec load(const value *p) {
    return eq_half_to_float(*p);
}

EQ_INLINE vec splat(const value *p) {
    return load(p);
}

EQ_INLINE vec zero(void) {
    return 0.0f;
}

EQ_ONCE void store(value *p, vec v) {
    *p = eq_half_from_float(v);
}

EQ_ONCE vec fused(vec w, vec x, vec sum) {
    return eq_half_fused(w, x, sum);
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
