/* EMBEDDING_LOOKUP in a table of int4 with a scale for each block of a row, to float32: value * scale, exactly. */
#include "ops/move/indices.h"
#include "ops/blocks_s4.h"
#include "plan/operator.h"

enum { ROWS, TABLE };

typedef struct eq_block_rows {
    eq_indices read;
    int32_t rows, depth, block;
    const uint8_t *values;
    const uint16_t *scales;
} eq_block_rows;

/* A unit is a row of the output. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_block_rows *d = step->data;
    const void *rows = storage[step->inputs[0].tensor].data;
    for (int32_t unit = first; unit < last; ++unit) {
        const size_t from = (size_t)eq_index_at(&d->read, step, rows, unit, d->rows) * (size_t)d->depth;
        float *out = (float *)storage[step->outputs[0].tensor].data + (size_t)unit * (size_t)d->depth;
        for (int32_t i = 0; i < d->depth; ++i) {
            const size_t index = from + (size_t)i;
            out[i] = (float)eq_blocks_s4_value(d->values, index) * eq_half_to_float(d->scales[index / (size_t)d->block]);
        }
    }
}

eq_status eq_prepare_embedding_lookup_blocks(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *rows = eq_plan_input(plan, op, ROWS), *table = eq_plan_input(plan, op, TABLE);
    const uint16_t *scales = eq_blocks_s4_scales(plan, op, table);
    if (!scales) {
        return (eq_status)plan->error->status;
    }
    if (rows->rank != 1 || eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a list of rows, and a float32 output");
    }
    const eq_block_rows data = {{EQ_INT32, plan->loops}, table->dims[0], table->dims[1],
                                table->block_size,       table->data,    scales};
    if ((status = eq_check_indices(plan, op, ROWS, table->dims, 1)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 0, 2, (int32_t[]){rows->dims[0], data.depth})) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof data, 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_block_rows *)step->data = data;
    step->inputs[0].tensor = op->inputs[ROWS];
    step->outputs[0].tensor = op->outputs[0];
    step->units = rows->dims[0];
    step->cost = (uint64_t)rows->dims[0] * (uint64_t)data.depth * 4;
    return EQ_OK;
}

EQ_OPERATOR(EMBEDDING_LOOKUP, eq_prepare_embedding_lookup_blocks, INT32, INT4);
