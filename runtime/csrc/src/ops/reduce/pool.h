/* MAX_POOL_2D, AVERAGE_POOL_2D and L2_POOL_2D of images (batch, height, width, channels). Padding counts for nothing: windows are
 * cut at the image's edges. */
#ifndef EQ_POOL_H
#define EQ_POOL_H

#include "ops/window.h"

typedef struct eq_pool_shape {
    eq_window window;
    int32_t height, width, channels; /* of the input */
} eq_pool_shape;

typedef struct eq_pool_range { /* of pixels */
    int32_t first, count;
} eq_pool_range;

/* Reads shape and options, and gives the output its shape. */
eq_status eq_pool_read(eq_plan *plan, const eq_operator *op, eq_pool_shape *shape, int32_t *activation);

/* That of floats: the activation's limits too. */
eq_status eq_pool_read_f32(eq_plan *plan, const eq_operator *op, eq_pool_shape *shape, float *min, float *max);

/* A step of `data_bytes`, a unit of which is an output row. */
eq_step *eq_pool_step(eq_plan *plan, const eq_operator *op, const eq_pool_shape *shape, eq_run_fn run, size_t data_bytes);

/* The columns of the input that make output column `x`. */
eq_pool_range eq_pool_columns(const eq_pool_shape *shape, int32_t x);

/* Start of an output row, and the rows of the input that it is made of. */
void *eq_pool_row(const eq_pool_shape *shape, const eq_storage *in, const eq_storage *out, int32_t unit, const void **from,
                  eq_pool_range *rows);

#endif
