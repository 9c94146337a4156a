/* The table of those elementwise operators of two inputs that float networks are full of: plain_f32.c, compiled to vector code. The
 * others on plain numbers are in plain_binary.c. */
#ifndef EQ_PLAIN_ROWS_H
#define EQ_PLAIN_ROWS_H

#include "ops/elementwise/binary.h"
#include "ops/elementwise/runs.h"
#include "read/operator_codes.h"

typedef struct eq_bounds { /* of a fused activation: what functions of floats get as `parameters` */
    float min, max;
} eq_bounds;

static inline float eq_bounded(const eq_bounds *bounds, float x) {
    x = x < bounds->min ? bounds->min : x;
    return x > bounds->max ? bounds->max : x;
}

typedef struct eq_plain_row {
    int32_t code;
    struct {
        eq_binary_run_fn run, run_scalar;
    } order[2]; /* as in the file, or swapped */
} eq_plain_row;

extern const eq_plain_row eq_plain_rows_f32[];
extern const size_t eq_plain_row_count_f32;

/* Rows; name_swapped() is for inputs that the driver swapped. */
#define EQ_SAME_RUNS(code, name)   \
    {                              \
        code, {                    \
            {EQ_RUN_PAIR(name)}, { \
                EQ_RUN_PAIR(name)  \
            }                      \
        }                          \
    }
#define EQ_ORDERED_RUNS(code, name)         \
    {                                       \
        code, {                             \
            {EQ_RUN_PAIR(name)}, {          \
                EQ_RUN_PAIR(name##_swapped) \
            }                               \
        }                                   \
    }

#endif
