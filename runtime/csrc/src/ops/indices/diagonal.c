/* MATRIX_DIAG: (..., n) -> (..., n, n), zeros but for the diagonal. MATRIX_SET_DIAG: the matrices of the first input with the
 * diagonals of the second. */
#include <string.h>

#include "ops/arguments.h"
#include "plan/operator.h"

typedef struct eq_diagonal {
    size_t matrix, row, element; /* bytes; of a matrix, one of its rows, a value */
    int32_t length;              /* of the diagonal, values */
    uint8_t zero;                /* 128 where uint8 is read as int8 */
} eq_diagonal;

/* A unit is a matrix; the diagonals are the last input. */
static void run_diagonal(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_diagonal *d = step->data;
    const uint8_t *matrices = step->input_count == 2 ? storage[step->inputs[0].tensor].data : NULL;
    const uint8_t *diagonals = storage[step->inputs[step->input_count - 1].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    for (int32_t unit = first; unit < last; ++unit) {
        uint8_t *to = out + (size_t)unit * d->matrix;
        const uint8_t *from = diagonals + (size_t)unit * (size_t)d->length * d->element;
        if (matrices) {
            memcpy(to, matrices + (size_t)unit * d->matrix, d->matrix);
        } else {
            memset(to, d->zero, d->matrix);
        }
        for (int32_t i = 0; i < d->length; ++i, to += d->row + d->element, from += d->element) {
            memcpy(to, from, d->element);
        }
    }
}

/* The output has its shape; its last two dimensions are the matrices'. */
static eq_status append(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    const int32_t height = out->dims[out->rank - 2], width = out->dims[out->rank - 1];
    eq_step *step = eq_plan_step(plan, op, run_diagonal, sizeof(eq_diagonal), op->input_count, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const size_t element = (size_t)eq_type_size(out->type), row = (size_t)width * element;
    *(eq_diagonal *)step->data = (eq_diagonal){.matrix = (size_t)height * row,
                                               .row = row,
                                               .element = element,
                                               .length = height < width ? height : width,
                                               .zero = out->type == out->file_type ? 0 : 128};
    for (int32_t i = 0; i < op->input_count; ++i) {
        step->inputs[i].tensor = op->inputs[i];
    }
    step->outputs[0].tensor = op->outputs[0];
    step->units = (int32_t)(eq_tensor_elements(out) / height / width);
    step->cost = (uint64_t)eq_tensor_elements(out) / 4;
    return EQ_OK;
}

eq_status eq_prepare_matrix_diag(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->rank < 1 || in->rank >= EQ_MAX_RANK) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has an input of %d dimensions, it takes 1 to %d", (int)in->rank,
                            (int)EQ_MAX_RANK - 1);
    }
    int32_t dims[EQ_MAX_RANK];
    memcpy(dims, in->dims, sizeof dims);
    dims[in->rank] = in->dims[in->rank - 1];
    status = eq_plan_shape(plan, op, 0, in->rank + 1, dims);
    return status == EQ_OK ? append(plan, op) : status;
}

eq_status eq_prepare_matrix_set_diag(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_same_type(plan, op, 1, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *diagonal = eq_plan_input(plan, op, 1);
    const int32_t rank = in->rank;
    bool fits = rank >= 2 && diagonal->rank == rank - 1;
    for (int32_t i = 0; fits && i < rank - 2; ++i) {
        fits = diagonal->dims[i] == in->dims[i];
    }
    if (!fits ||
        diagonal->dims[rank - 2] != (in->dims[rank - 2] < in->dims[rank - 1] ? in->dims[rank - 2] : in->dims[rank - 1])) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its diagonals do not fit its matrices");
    }
    status = eq_plan_shape(plan, op, 0, rank, in->dims);
    return status == EQ_OK ? append(plan, op) : status;
}

EQ_OPERATOR(MATRIX_DIAG, eq_prepare_matrix_diag, FLOAT32);
EQ_OPERATOR(MATRIX_DIAG, eq_prepare_matrix_diag, INT8);
EQ_OPERATOR(MATRIX_DIAG, eq_prepare_matrix_diag, UINT8);
EQ_OPERATOR(MATRIX_DIAG, eq_prepare_matrix_diag, INT16);
EQ_OPERATOR(MATRIX_DIAG, eq_prepare_matrix_diag, INT32);
EQ_OPERATOR(MATRIX_DIAG, eq_prepare_matrix_diag, UINT32);
EQ_OPERATOR(MATRIX_DIAG, eq_prepare_matrix_diag, INT64);
EQ_OPERATOR(MATRIX_SET_DIAG, eq_prepare_matrix_set_diag, FLOAT32);
EQ_OPERATOR(MATRIX_SET_DIAG, eq_prepare_matrix_set_diag, INT8);
EQ_OPERATOR(MATRIX_SET_DIAG, eq_prepare_matrix_set_diag, UINT8);
EQ_OPERATOR(MATRIX_SET_DIAG, eq_prepare_matrix_set_diag, INT16);
EQ_OPERATOR(MATRIX_SET_DIAG, eq_prepare_matrix_set_diag, INT32);
EQ_OPERATOR(MATRIX_SET_DIAG, eq_prepare_matrix_set_diag, UINT32);
EQ_OPERATOR(MATRIX_SET_DIAG, eq_prepare_matrix_set_diag, INT64);
