#include "lookup.h"

#include <string.h>

enum { FARTHEST = 256 }; /* steps back; a search through all of them would take long for a file with very many */

typedef struct eq_lookup {
    int8_t table[256];
    const eq_kernels *kernels;
    int32_t height; /* rows of an image */
    size_t row;     /* bytes of one */
} eq_lookup;

/* A unit is one row of an image; the whole tensor if it is none. */
static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_lookup *l = step->data;
    const eq_storage in = storage[step->inputs[0].tensor], out = storage[step->outputs[0].tensor];
    const int8_t *from = in.data;
    int8_t *to = out.data;
    const ptrdiff_t row = (ptrdiff_t)l->row, image = row * l->height;
    const bool dense = in.row_stride == row && out.row_stride == row && in.image_stride == image && out.image_stride == image;
    if (dense || step->units == 1) {
        l->kernels->lookup(l->table, from + first * row, to + first * row, (size_t)((last - first) * row));
        return;
    }
    for (int32_t unit = first; unit < last; ++unit) {
        const int32_t n = unit / l->height, y = unit % l->height;
        l->kernels->lookup(l->table, from + n * in.image_stride + y * in.row_stride,
                           to + n * out.image_stride + y * out.row_stride, l->row);
    }
}

int32_t eq_lookup_root(const eq_plan *plan, int32_t tensor, int8_t table[256]) {
    for (int32_t i = 0; i < 256; i++) {
        table[i] = (int8_t)(i - 128);
    }
    for (int32_t i = plan->step_count - 1; i >= 0 && i >= plan->step_count - FARTHEST; i--) {
        const eq_step *step = plan->steps[i];
        if (step->run != run || step->outputs[0].tensor != tensor) {
            continue;
        }
        /* What shares memory, such as with a variable, may change before a later step. */
        const eq_plan_tensor *root = &plan->tensors[step->inputs[0].tensor];
        if (root->alias >= 0 || root->tensor.is_variable) {
            break;
        }
        memcpy(table, ((const eq_lookup *)step->data)->table, 256);
        return step->inputs[0].tensor;
    }
    return tensor;
}

eq_status eq_lookup_step(eq_plan *plan, const eq_operator *op, int32_t input, const int8_t table[256]) {
    return eq_lookup_between(plan, op, input, op->outputs[0], table);
}

eq_status eq_lookup_between(eq_plan *plan, const eq_operator *op, int32_t input, int32_t output, const int8_t table[256]) {
    int8_t inner[256];
    const int32_t root = eq_lookup_root(plan, input, inner);
    const eq_tensor *in = &plan->tensors[root].tensor, *out = &plan->tensors[output].tensor;
    eq_step *step = eq_plan_step(plan, op, run, sizeof(eq_lookup), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_lookup *l = step->data;
    const bool rows = in->rank == 4 && out->rank == 4 && !in->data;
    l->kernels = plan->kernels;
    l->height = rows ? out->dims[1] : 1;
    step->units = rows ? out->dims[0] * out->dims[1] : 1;
    l->row = (size_t)(eq_tensor_elements(out) / step->units);
    for (int32_t i = 0; i < 256; i++) {
        l->table[i] = table[inner[i] + 128];
    }
    step->inputs[0] = (eq_use){.tensor = root, .rows = rows};
    step->outputs[0] = (eq_use){.tensor = output, .rows = rows};
    step->cost = (uint64_t)eq_tensor_elements(out);
    return EQ_OK;
}
