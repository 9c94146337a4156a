#include "batch_matmul.h"

#include "ops/move/move.h"

enum { ADJ_X = 0, ADJ_Y = 1 };   /* fields of the options */
enum { LARGEST_SIDE = 1 << 30 }; /* of a matrix */

/* Sizes and strides of the leading dimensions; `dims` gets the output's. False if they do not broadcast. */
static bool broadcast(const eq_tensor *x, const eq_tensor *y, eq_matmul_shape *d, int32_t *dims) {
    ptrdiff_t x_stride = (ptrdiff_t)d->rows * d->depth, y_stride = (ptrdiff_t)d->depth * d->columns;
    d->batch_rank = (x->rank > y->rank ? x->rank : y->rank) - 2;
    for (int32_t axis = d->batch_rank - 1; axis >= 0; --axis) {
        const int32_t x_axis = axis - d->batch_rank + x->rank - 2, y_axis = axis - d->batch_rank + y->rank - 2;
        const int32_t x_size = x_axis >= 0 ? x->dims[x_axis] : 1, y_size = y_axis >= 0 ? y->dims[y_axis] : 1;
        if (x_size != y_size && x_size != 1 && y_size != 1) {
            return false;
        }
        dims[axis] = d->batch[axis] = x_size == 1 ? y_size : x_size;
        d->x_batch[axis] = x_size == 1 ? 0 : x_stride;
        d->y_batch[axis] = y_size == 1 ? 0 : y_stride;
        x_stride *= x_size;
        y_stride *= y_size;
    }
    dims[d->batch_rank] = d->rows;
    dims[d->batch_rank + 1] = d->columns;
    return true;
}

eq_status eq_matmul_read(eq_plan *plan, const eq_operator *op, eq_matmul_shape *d) {
    const eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    *d = (eq_matmul_shape){0};
    const eq_tensor *x = eq_plan_input(plan, op, 0), *y = eq_plan_input(plan, op, 1);
    const bool adj_x = eq_option_bool(op, ADJ_X, false), adj_y = eq_option_bool(op, ADJ_Y, false);
    int32_t dims[EQ_MAX_RANK] = {0};
    if (x->rank < 2 || y->rank < 2) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the inputs must have two dimensions or more");
    }
    const int32_t *x_dims = x->dims + x->rank - 2, *y_dims = y->dims + y->rank - 2;
    d->rows = x_dims[adj_x];
    d->depth = x_dims[!adj_x];
    d->columns = y_dims[!adj_y];
    if (y_dims[adj_y] != d->depth || !broadcast(x, y, d, dims)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "the inputs' shapes do not fit each other");
    }
    if (d->depth > LARGEST_SIDE || d->columns > LARGEST_SIDE) {
        return eq_plan_fail(plan, op, EQ_ERROR_LIMIT, "the matrices are too large");
    }
    d->x_row = adj_x ? 1 : d->depth;
    d->x_depth = adj_x ? d->rows : 1;
    d->y_column = adj_y ? d->depth : 1;
    d->y_depth = adj_y ? 1 : d->columns;
    return eq_plan_shape(plan, op, 0, d->batch_rank + 2, dims);
}

int64_t eq_matmul_count(const eq_tensor *tensor) {
    int64_t count = 1;
    for (int32_t i = 0; i < tensor->rank - 2; ++i) {
        count *= tensor->dims[i];
    }
    return count;
}

int32_t eq_matmul_transpose_x(eq_plan *plan, const eq_operator *op, const eq_matmul_shape *s) {
    const eq_tensor *x = eq_plan_input(plan, op, 0);
    const int32_t matrices = (int32_t)eq_matmul_count(x), element = eq_type_size(x->type);
    const int32_t to = eq_plan_temporary(plan, x->type, 3, (int32_t[]){matrices, s->rows, s->depth});
    if (to < 0) {
        return -1;
    }
    x = eq_plan_input(plan, op, 0); /* there may be more tensors now, elsewhere */
    ptrdiff_t matrix = (ptrdiff_t)s->rows * s->depth * element * matrices;
    eq_move move = eq_move_of(x, 0, 0);
    for (int32_t i = 0; i < x->rank - 2; ++i) {
        matrix /= x->dims[i];
        eq_move_loop_inside(&move, x->dims[i], eq_place_along(x, i, 1), (eq_place){.bytes = matrix});
    }
    eq_move_loop_inside(&move, s->rows, eq_place_along(x, x->rank - 1, 1), (eq_place){.bytes = (ptrdiff_t)s->depth * element});
    eq_move_loop_inside(&move, s->depth, eq_place_along(x, x->rank - 2, 1), (eq_place){.bytes = element});
    return eq_move_step(plan, op, &move, 1, op->inputs, &to) == EQ_OK ? to : -1;
}
