/* Elementwise operators of two float32 inputs that networks are full of, in C that compilers make vectors of: a set includes this for its
 * CPU, after PREFIX(name) and, where vectors are wide enough for the others too, EQ_EVERY_BINARY. */
#include "kernels.h"
#include "ops/elementwise/runs.h"
#include "read/operator_codes.h"

EQ_RUNS(add_f32, float, eq_bounded(parameters, a + b))
EQ_RUNS(sub_f32, float, eq_bounded(parameters, a - b))
EQ_RUNS(sub_f32_swapped, float, eq_bounded(parameters, b - a))
EQ_RUNS(mul_f32, float, eq_bounded(parameters, a *b))
#ifdef EQ_EVERY_BINARY
EQ_RUNS(div_f32, float, eq_bounded(parameters, a / b))
EQ_RUNS(div_f32_swapped, float, eq_bounded(parameters, b / a))
EQ_RUNS(maximum_f32, float, a > b ? a : b)
EQ_RUNS(maximum_f32_swapped, float, b > a ? b : a)
EQ_RUNS(minimum_f32, float, a < b ? a : b)
EQ_RUNS(minimum_f32_swapped, float, b < a ? b : a)
EQ_RUNS(squared_difference_f32, float, (a - b) * (a - b))
EQ_RUNS(prelu_f32, float, a >= 0 ? a : a * b)
EQ_RUNS(prelu_f32_swapped, float, b >= 0 ? b : b * a)
#endif

/* Rows; name_swapped() is for inputs that the driver swapped. */
#define SAME(code, name)           \
    {                              \
        code, {                    \
            {EQ_RUN_PAIR(name)}, { \
                EQ_RUN_PAIR(name)  \
            }                      \
        }                          \
    }
#define ORDERED(code, name)                 \
    {                                       \
        code, {                             \
            {EQ_RUN_PAIR(name)}, {          \
                EQ_RUN_PAIR(name##_swapped) \
            }                               \
        }                                   \
    }

const eq_binary_f32 PREFIX(binary_f32)[] = {
    SAME(EQ_OP_ADD, add_f32),
    ORDERED(EQ_OP_SUB, sub_f32),
    SAME(EQ_OP_MUL, mul_f32),
#ifdef EQ_EVERY_BINARY
    ORDERED(EQ_OP_DIV, div_f32),
    ORDERED(EQ_OP_MAXIMUM, maximum_f32),
    ORDERED(EQ_OP_MINIMUM, minimum_f32),
    SAME(EQ_OP_SQUARED_DIFFERENCE, squared_difference_f32),
    ORDERED(EQ_OP_PRELU, prelu_f32),
#endif
    {-1, {{NULL, NULL}, {NULL, NULL}}},
};
