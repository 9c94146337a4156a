/* Steps that move a tensor as it is. */
#include "copy.h"

#include <string.h>

/* The steps' names in a profile. */
static const eq_operator COPY = {.index = -1, .code = -1, .name = "copy"};
static const eq_operator EDGE = {.index = -1, .code = -1, .name = "edge"};

typedef struct eq_copy {
    int32_t height;
    size_t row; /* bytes */
} eq_copy;

/* A unit is one row of an image; the whole tensor if it is dense on both sides. */
static void run_copy(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_copy *copy = step->data;
    const eq_storage from = storage[step->inputs[0].tensor], to = storage[step->outputs[0].tensor];
    const bool dense = from.row_stride == (ptrdiff_t)copy->row && to.row_stride == (ptrdiff_t)copy->row;
    while (first < last) {
        const int32_t image = first / copy->height, row = first % copy->height, left = copy->height - row;
        const int32_t rows = left < last - first ? left : last - first;
        const uint8_t *source = (const uint8_t *)from.data + image * from.image_stride + row * from.row_stride;
        uint8_t *target = (uint8_t *)to.data + image * to.image_stride + row * to.row_stride;
        const size_t bytes = dense ? (size_t)rows * copy->row : copy->row;
        for (int32_t i = 0; i < (dense ? 1 : rows); ++i, source += from.row_stride, target += to.row_stride) {
            memcpy(target, source, bytes);
        }
        first += rows;
    }
}

eq_status eq_plan_copy(eq_plan *plan, const eq_operator *op, int32_t from, int32_t to) {
    const eq_tensor *tensor = &plan->tensors[from].tensor;
    if (eq_tensor_elements(tensor) == 0) {
        return EQ_OK;
    }
    eq_step *step = eq_plan_step(plan, op ? op : &COPY, run_copy, sizeof(eq_copy), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    size_t bytes = (size_t)eq_tensor_elements(tensor) * (size_t)eq_type_size(tensor->type);
    eq_copy *copy = step->data;
    /* Rows are the same only in the same shape: the copy of a variable may have another. */
    bool rows = tensor->rank == 4 && plan->tensors[to].tensor.rank == 4 &&
                memcmp(tensor->dims, plan->tensors[to].tensor.dims, 4 * sizeof *tensor->dims) == 0;
    copy->height = rows ? tensor->dims[1] : 1;
    step->units = rows ? tensor->dims[0] * tensor->dims[1] : 1;
    copy->row = bytes / (size_t)step->units;
    step->inputs[0] = (eq_use){.tensor = from, .rows = rows};
    step->outputs[0] = (eq_use){.tensor = to, .rows = rows};
    step->cost = bytes / 4;
    return EQ_OK;
}

bool eq_plan_is_copy(const eq_step *step) {
    return step->run == run_copy;
}

/* uint8 and int8 values are 128 apart: the top bit differs. */
static void run_flip(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const uint8_t *from = storage[step->inputs[0].tensor].data;
    uint8_t *to = storage[step->outputs[0].tensor].data;
    const size_t bytes = *(const size_t *)step->data; /* which the bytes of `to` might be, else */
    for (size_t i = 0; i < bytes; ++i) {
        to[i] = from[i] ^ 0x80;
    }
}

/* Replace an edge of the graph by a uint8 tensor of the caller's; `inward`: the graph's tensor is computed from it. */
static eq_status translate(eq_plan *plan, int32_t *edge, bool inward) {
    const eq_tensor *inner = &plan->tensors[*edge].tensor;
    if (inner->type == inner->file_type) {
        return EQ_OK;
    }
    int32_t outer = eq_plan_temporary(plan, inner->file_type, inner->rank, inner->dims);
    eq_step *step = eq_plan_step(plan, &EDGE, run_flip, sizeof(size_t), 1, 1);
    if (outer < 0 || !step) {
        return (eq_status)plan->error->status;
    }
    *(size_t *)step->data = (size_t)eq_tensor_elements(inner);
    step->inputs[0].tensor = inward ? outer : *edge;
    step->outputs[0].tensor = inward ? *edge : outer;
    *edge = outer;
    return EQ_OK;
}

eq_status eq_plan_input_edges(eq_plan *plan) {
    for (int32_t i = 0; i < plan->graph->input_count; ++i) {
        eq_status status = translate(plan, &plan->inputs[i], true);
        if (status != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}

eq_status eq_plan_output_edges(eq_plan *plan) {
    for (int32_t i = 0; i < plan->graph->output_count; ++i) {
        eq_status status = translate(plan, &plan->outputs[i], false);
        if (status != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}
