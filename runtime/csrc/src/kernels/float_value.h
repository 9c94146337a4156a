/* How values are in memory for the templates of float products: float32, unless halves.h of a set says float16. */
#ifndef EQ_FLOAT_VALUE_H
#define EQ_FLOAT_VALUE_H

#include "kernels/inline.h"

#ifndef FLOAT_NAME
#define FLOAT_NAME(kernel, name) PREFIX(kernel##_f32_##name)

typedef float value;

EQ_INLINE value to_value(float x) {
    return x;
}
#endif

#endif
