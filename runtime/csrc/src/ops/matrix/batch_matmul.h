/* BATCH_MATMUL: matrices (..., rows, depth) times (..., depth, columns); adj_x and adj_y say that a matrix is stored transposed. The
 * leading dimensions broadcast. */
#ifndef EQ_BATCH_MATMUL_H
#define EQ_BATCH_MATMUL_H

#include "plan/plan.h"

typedef struct eq_matmul_shape {
    int32_t rows, depth, columns;
    ptrdiff_t x_row, x_depth, y_depth, y_column; /* elements between neighbours */
    int32_t batch_rank, batch[EQ_MAX_RANK];
    ptrdiff_t x_batch[EQ_MAX_RANK], y_batch[EQ_MAX_RANK]; /* elements; 0 where the matrix is repeated */
} eq_matmul_shape;

/* Reads shapes and options, and gives the output its shape. */
eq_status eq_matmul_read(eq_plan *plan, const eq_operator *op, eq_matmul_shape *shape);

/* How many matrices a tensor has. */
int64_t eq_matmul_count(const eq_tensor *tensor);

/* A tensor of x with its matrices the other way around; -1 with the error written. */
int32_t eq_matmul_transpose_x(eq_plan *plan, const eq_operator *op, const eq_matmul_shape *shape);

#endif
