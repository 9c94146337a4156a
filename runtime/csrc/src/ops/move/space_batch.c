/* SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: every block of pixels spread over the batch, for dilated convolutions of old
 * converters. (batch, [space, block] ..., rest) <-> ([block] ..., batch, [space] ..., rest) */
#include <string.h>

#include "ops/arguments.h"
#include "move.h"
#include "pad.h"
#include "plan/operator.h"

typedef struct blocks {
    int32_t axes; /* spatial: 1 .. axes */
    int32_t size[EQ_MAX_RANK];
    int32_t total;                                   /* product of sizes */
    int32_t before[EQ_MAX_RANK], after[EQ_MAX_RANK]; /* paddings or crops of axis 1 + i */
} blocks;

static eq_status read_blocks(eq_plan *plan, const eq_operator *op, blocks *b) {
    int32_t edges[2 * EQ_MAX_RANK], edge_count = 0;
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 1, b->size, EQ_MAX_RANK, &b->axes)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 2, edges, 2 * EQ_MAX_RANK, &edge_count)) != EQ_OK) {
        return status;
    }
    int64_t total = 1;
    bool fits = b->axes + 1 <= eq_plan_input(plan, op, 0)->rank && edge_count == 2 * b->axes;
    for (int32_t i = 0; i < b->axes && fits; ++i) {
        b->before[i] = edges[2 * i];
        b->after[i] = edges[2 * i + 1];
        fits = b->size[i] >= 1 && b->before[i] >= 0 && b->after[i] >= 0 && (total *= b->size[i]) <= INT32_MAX;
    }
    if (!fits) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its block shape and edges do not fit its input");
    }
    b->total = (int32_t)total;
    return EQ_OK;
}

/* Between a tensor whose space is whole and one whose blocks are in the batch. */
static eq_status spread(eq_plan *plan, const eq_operator *op, const blocks *b, int32_t from, int32_t to, bool to_batch) {
    const eq_tensor *space = &plan->tensors[to_batch ? from : to].tensor, *batch = &plan->tensors[to_batch ? to : from].tensor;
    struct {
        int32_t count;
        eq_place space, batch;
    } loops[EQ_MOVE_LOOPS];
    int32_t count = 0, stride = b->total;
    for (int32_t i = 0; i < b->axes; ++i) {
        stride /= b->size[i];
        loops[count].count = b->size[i];
        loops[count].space = eq_place_along(space, i + 1, 1);
        loops[count++].batch = eq_place_along(batch, 0, (ptrdiff_t)stride * space->dims[0]);
    }
    for (int32_t i = 0; i < space->rank; ++i) {
        const bool blocked = i >= 1 && i <= b->axes;
        loops[count].count = i == 0 ? space->dims[0] : batch->dims[i];
        loops[count].space = eq_place_along(space, i, blocked ? b->size[i - 1] : 1);
        loops[count++].batch = eq_place_along(batch, i, 1);
    }
    eq_move move = eq_move_of(space, 0, 0);
    for (int32_t i = 0; i < count; ++i) {
        eq_move_loop_inside(&move, loops[i].count, to_batch ? loops[i].space : loops[i].batch,
                            to_batch ? loops[i].batch : loops[i].space);
    }
    return eq_move_step(plan, op, &move, 1, &from, &to);
}

static bool has_edges(const blocks *b) {
    for (int32_t i = 0; i < b->axes; ++i) {
        if (b->before[i] > 0 || b->after[i] > 0) {
            return true;
        }
    }
    return false;
}

eq_status eq_prepare_space_to_batch_nd(eq_plan *plan, const eq_operator *op) {
    blocks b = {0};
    eq_status status = read_blocks(plan, op, &b);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    int32_t padded[EQ_MAX_RANK], dims[EQ_MAX_RANK];
    eq_padding padding = {.mode = EQ_PAD_CONSTANT};
    memcpy(padded, in->dims, sizeof padded);
    memcpy(dims, in->dims, sizeof dims);
    for (int32_t i = 0; i < b.axes; ++i) {
        const int64_t size = (int64_t)in->dims[i + 1] + b.before[i] + b.after[i];
        if (size > INT32_MAX || size % b.size[i] != 0) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "blocks of %d do not divide dimension %d", (int)b.size[i],
                                (int)i + 1);
        }
        padding.before[i + 1] = b.before[i];
        padding.after[i + 1] = b.after[i];
        padded[i + 1] = (int32_t)size;
        dims[i + 1] = padded[i + 1] / b.size[i];
    }
    dims[0] = b.total <= INT32_MAX / in->dims[0] ? in->dims[0] * b.total : 0;
    if ((status = eq_plan_shape(plan, op, 0, in->rank, dims)) != EQ_OK) {
        return status;
    }
    if (!has_edges(&b)) {
        return spread(plan, op, &b, op->inputs[0], op->outputs[0], true);
    }
    if (in->type == EQ_INT8 && in->scale_count == 1) {
        padding.value[0] = (uint8_t)in->zero_points[0];
    }
    const int32_t whole = eq_plan_temporary(plan, in->type, in->rank, padded);
    if (whole < 0) {
        return (eq_status)plan->error->status;
    }
    status = eq_pad_step(plan, op, &padding, op->inputs[0], whole);
    return status == EQ_OK ? spread(plan, op, &b, whole, op->outputs[0], true) : status;
}

/* The middle of a tensor. */
static eq_status crop(eq_plan *plan, const eq_operator *op, const blocks *b, int32_t from, int32_t to) {
    const eq_tensor *in = &plan->tensors[from].tensor, *out = &plan->tensors[to].tensor;
    eq_move move = eq_move_of(in, 0, 0);
    for (int32_t i = 0; i < in->rank; ++i) {
        if (i >= 1 && i <= b->axes) {
            move.in = eq_place_sum(move.in, eq_place_along(in, i, b->before[i - 1]));
        }
        eq_move_loop_inside(&move, out->dims[i], eq_place_along(in, i, 1), eq_place_along(out, i, 1));
    }
    return eq_move_step(plan, op, &move, 1, &from, &to);
}

eq_status eq_prepare_batch_to_space_nd(eq_plan *plan, const eq_operator *op) {
    blocks b = {0};
    eq_status status = read_blocks(plan, op, &b);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    int32_t uncropped[EQ_MAX_RANK], dims[EQ_MAX_RANK];
    memcpy(uncropped, in->dims, sizeof uncropped);
    memcpy(dims, in->dims, sizeof dims);
    if (in->dims[0] % b.total != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "a batch of %d has no blocks of %d", (int)in->dims[0], (int)b.total);
    }
    uncropped[0] = dims[0] = in->dims[0] / b.total;
    for (int32_t i = 0; i < b.axes; ++i) {
        const int64_t size = (int64_t)in->dims[i + 1] * b.size[i], left = size - b.before[i] - b.after[i];
        if (size > INT32_MAX || left < 1) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its crops leave nothing of dimension %d", (int)i + 1);
        }
        uncropped[i + 1] = (int32_t)size;
        dims[i + 1] = (int32_t)left;
    }
    if ((status = eq_plan_shape(plan, op, 0, in->rank, dims)) != EQ_OK) {
        return status;
    }
    if (!has_edges(&b)) {
        return spread(plan, op, &b, op->inputs[0], op->outputs[0], false);
    }
    const int32_t whole = eq_plan_temporary(plan, in->type, in->rank, uncropped);
    if (whole < 0) {
        return (eq_status)plan->error->status;
    }
    status = spread(plan, op, &b, op->inputs[0], whole, false);
    return status == EQ_OK ? crop(plan, op, &b, whole, op->outputs[0]) : status;
}

EQ_OPERATOR(BATCH_TO_SPACE_ND, eq_prepare_batch_to_space_nd, ANY);
EQ_OPERATOR(SPACE_TO_BATCH_ND, eq_prepare_space_to_batch_nd, ANY);
