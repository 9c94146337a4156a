/* BATCH_MATMUL of floats: a part for each matrix of the output, and y packed once for all that share it. */
#include "base/memory.h"
#include "batch_matmul.h"
#include "ops/move/move.h"
#include "plan/operator.h"
#include "product_f32.h"

static int64_t matrices_of(const eq_tensor *tensor) {
    int64_t count = 1;
    for (int32_t i = 0; i < tensor->rank - 2; ++i) {
        count *= tensor->dims[i];
    }
    return count;
}

/* x with its matrices the other way around; -1 with the error written. */
static int32_t transpose_x(eq_plan *plan, const eq_operator *op, const eq_matmul_shape *s) {
    const eq_tensor *x = eq_plan_input(plan, op, 0);
    const int32_t matrices = (int32_t)matrices_of(x), element = eq_type_size(x->type);
    const int32_t to = eq_plan_temporary(plan, x->type, 3, (int32_t[]){matrices, s->rows, s->depth});
    if (to < 0) {
        return -1;
    }
    const ptrdiff_t matrix = (ptrdiff_t)s->rows * s->depth * element;
    eq_move move = {.run = (size_t)element};
    eq_move_loop_inside(&move, matrices, (eq_place){.bytes = matrix}, (eq_place){.bytes = matrix});
    eq_move_loop_inside(&move, s->rows, (eq_place){.bytes = element}, (eq_place){.bytes = (ptrdiff_t)s->depth * element});
    eq_move_loop_inside(&move, s->depth, (eq_place){.bytes = (ptrdiff_t)s->rows * element}, (eq_place){.bytes = element});
    return eq_move_step(plan, op, &move, 1, op->inputs, &to) == EQ_OK ? to : -1;
}

static void fill_matrices(const eq_matmul_shape *s, eq_product_f32 *product) {
    const ptrdiff_t size = (ptrdiff_t)s->depth * s->columns;
    for (int32_t i = 0; i < product->matrix_count; ++i) {
        product->matrices[i] = (eq_matrix_f32){.first = i * size,
                                               .columns = s->columns,
                                               .height = 1,
                                               .width = 1,
                                               .channels = s->depth,
                                               .column_stride = s->y_column,
                                               .row_stride = size,
                                               .tap_stride = size,
                                               .channel_stride = s->y_depth};
        if (s->y_depth == 1) { /* the kernel's order */
            product->matrices[i].row_stride = product->matrices[i].tap_stride = s->depth;
        }
    }
}

static void fill_parts(const eq_matmul_shape *s, eq_product_f32 *product) {
    for (int32_t i = 0; i < product->part_count; ++i) {
        ptrdiff_t x = 0, y = 0;
        int32_t rest = i;
        for (int32_t axis = s->batch_rank - 1; axis >= 0; --axis) {
            x += rest % s->batch[axis] * s->x_batch[axis];
            y += rest % s->batch[axis] * s->y_batch[axis];
            rest /= s->batch[axis];
        }
        product->parts[i] = (eq_part_f32){.matrix = (int32_t)(y / ((ptrdiff_t)s->depth * s->columns)),
                                          .in_first = x,
                                          .out_first = (ptrdiff_t)i * s->rows * s->columns,
                                          .height = 1,
                                          .width = s->rows};
    }
}

eq_status eq_prepare_batch_matmul_f32(eq_plan *plan, const eq_operator *op) {
    eq_matmul_shape s;
    eq_product_f32 product = {.bias = -1};
    eq_status status = eq_matmul_read(plan, op, &s);
    if (status == EQ_OK) {
        status = eq_float_layer_read(plan, op, 0, &product.min, &product.max);
    }
    if (status != EQ_OK) {
        return status;
    }
    product.geometry = eq_product_row_geometry(s.rows, s.depth, s.columns);
    product.weights = op->inputs[1];
    product.in_tensor = s.x_depth == 1 ? op->inputs[0] : transpose_x(plan, op, &s);
    product.out_tensor = op->outputs[0];
    product.matrix_count = (int32_t)matrices_of(eq_plan_input(plan, op, 1));
    product.part_count = (int32_t)matrices_of(eq_plan_output(plan, op, 0));
    product.matrices = eq_plan_take(plan, eq_size_times((size_t)product.matrix_count, sizeof *product.matrices));
    product.parts = eq_plan_take(plan, eq_size_times((size_t)product.part_count, sizeof *product.parts));
    if (product.in_tensor < 0 || !product.matrices || !product.parts) {
        return (eq_status)plan->error->status;
    }
    fill_matrices(&s, &product);
    fill_parts(&s, &product);
    return eq_product_f32_plan(plan, op, &product);
}

EQ_OPERATOR(BATCH_MATMUL, eq_prepare_batch_matmul_f32, FLOAT32, FLOAT32);
EQ_OPERATOR_KERNEL(gemm_f32, BATCH_MATMUL);
