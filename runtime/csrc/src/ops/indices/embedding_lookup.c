/* EMBEDDING_LOOKUP: rows of a table, by their numbers; rows of int8 and int4 become float32 by the scale of the table or of each row, where the
 * output is float32. */
#include <string.h>

#include "ops/move/indices.h"
#include "ops/arguments.h"
#include "plan/operator.h"

enum { ROWS, TABLE };

typedef struct eq_lookup_rows {
    eq_indices read;
    int32_t rows;        /* of the table */
    int64_t row;         /* elements */
    size_t element;      /* bytes */
    const float *scales; /* of int8 rows that become float32; else NULL */
    bool per_row;
} eq_lookup_rows;

/* A unit is a row of the output. */
static void run_lookup(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_lookup_rows *l = step->data;
    const void *rows = storage[step->inputs[ROWS].tensor].data;
    const uint8_t *table = storage[step->inputs[TABLE].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    for (int32_t unit = first; unit < last; ++unit) {
        const int32_t row = eq_index_at(&l->read, step, rows, unit, l->rows);
        if (!l->scales) {
            const size_t bytes = (size_t)l->row * l->element;
            memcpy(out + (size_t)unit * bytes, table + (size_t)row * bytes, bytes);
            continue;
        }
        const float scale = l->scales[l->per_row ? row : 0];
        for (int64_t i = 0; i < l->row; ++i) {
            ((float *)out)[unit * l->row + i] = (float)((const int8_t *)table)[row * l->row + i] * scale;
        }
    }
}

/* Whether rows are widened; `step` is told how. */
static eq_status read_scales(eq_plan *plan, const eq_operator *op, eq_lookup_rows *l) {
    const eq_tensor *table = eq_plan_input(plan, op, TABLE);
    if (table->type != EQ_INT8 || eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_argument_same_type(plan, op, TABLE, 0);
    }
    const bool per_row = table->scale_count > 1 && table->channel_axis == 0;
    if (table->file_type == EQ_UINT8 || table->scale_count == 0 || (table->scale_count > 1 && !per_row)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                            "its table must be int8 or int4 with one scale, or one for each row");
    }
    for (int32_t i = 0; i < table->scale_count; ++i) {
        if (table->zero_points[i] != 0) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its table has a zero point other than 0");
        }
    }
    l->scales = table->scales;
    l->per_row = per_row;
    return EQ_OK;
}

eq_status eq_prepare_embedding_lookup(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *rows = eq_plan_input(plan, op, ROWS), *table = eq_plan_input(plan, op, TABLE);
    if (rows->rank != 1 || table->rank < 2) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a list of rows, and a table of 2 dimensions or more");
    }
    eq_lookup_rows l = {.read = {EQ_INT32, plan->loops}, .rows = table->dims[0], .row = 1};
    l.element = (size_t)eq_type_size(table->type);
    int32_t dims[EQ_MAX_RANK];
    memcpy(dims, table->dims, sizeof dims);
    dims[0] = rows->dims[0];
    for (int32_t i = 1; i < table->rank; ++i) {
        l.row *= table->dims[i];
    }
    if ((status = read_scales(plan, op, &l)) != EQ_OK || (status = eq_check_indices(plan, op, ROWS, table->dims, 1)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 0, table->rank, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_lookup, sizeof l, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_lookup_rows *)step->data = l;
    step->inputs[ROWS].tensor = op->inputs[ROWS];
    step->inputs[TABLE].tensor = op->inputs[TABLE];
    step->outputs[0].tensor = op->outputs[0];
    step->units = dims[0];
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_output(plan, op, 0));
    return EQ_OK;
}

EQ_OPERATOR(EMBEDDING_LOOKUP, eq_prepare_embedding_lookup, INT32, ANY);
EQ_OPERATOR_NOTE(
    EMBEDDING_LOOKUP,
    "a computed row that is not in the table ends the run with an error; int8 and int4 of scales, not uint8, to float32");
