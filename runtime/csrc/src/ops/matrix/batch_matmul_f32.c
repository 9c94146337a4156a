/* BATCH_MATMUL of floats: a part for each matrix of the output, and y packed once for all that share it. */
#include "base/memory.h"
#include "batch_matmul.h"
#include "plan/operator.h"
#include "product_f32.h"

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
        status = eq_float_layer_read(plan, op, eq_plan_input(plan, op, 0), 0, &product.min, &product.max);
    }
    if (status != EQ_OK) {
        return status;
    }
    product.geometry = eq_gemm_row_geometry(s.rows, s.depth, s.columns);
    product.weights = op->inputs[1];
    product.in_tensor = s.x_depth == 1 ? op->inputs[0] : eq_matmul_transpose_x(plan, op, &s);
    product.out_tensor = op->outputs[0];
    product.matrix_count = (int32_t)eq_matmul_count(eq_plan_input(plan, op, 1));
    product.part_count = (int32_t)eq_matmul_count(eq_plan_output(plan, op, 0));
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
EQ_OPERATOR(BATCH_MATMUL, eq_prepare_batch_matmul_f32, FLOAT16, FLOAT16);
EQ_OPERATOR(BATCH_MATMUL, eq_prepare_batch_matmul_f32, FLOAT16, FLOAT32);
EQ_OPERATOR_FLOAT16(BATCH_MATMUL);
EQ_OPERATOR_KERNEL(gemm_f32, BATCH_MATMUL);
