#include "elements.h"

#include <stddef.h>
#include <string.h>

enum { CHUNK = 4096 }; /* elements of a unit */

typedef struct eq_elements {
    eq_elements_fn fn;
    size_t elements, in_size, out_size;
    _Alignas(max_align_t) uint8_t data[];
} eq_elements;

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_elements *e = step->data;
    const size_t begin = (size_t)first * CHUNK, whole = (size_t)last * CHUNK, end = whole < e->elements ? whole : e->elements;
    const uint8_t *in = storage[step->inputs[0].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    e->fn(e->data, in + begin * e->in_size, out + begin * e->out_size, end - begin);
}

eq_status eq_elements_step(eq_plan *plan, const eq_operator *op, eq_elements_fn fn, const void *data, size_t bytes) {
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    eq_status status = eq_plan_shape(plan, op, 0, in->rank, in->dims);
    if (status != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof(eq_elements) + bytes, 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_elements *e = step->data;
    e->fn = fn;
    e->elements = (size_t)eq_tensor_elements(in);
    e->in_size = (size_t)eq_type_size(in->type);
    e->out_size = (size_t)eq_type_size(out->type);
    if (bytes > 0) {
        memcpy(e->data, data, bytes);
    }
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    step->units = (int32_t)((e->elements + CHUNK - 1) / CHUNK);
    step->cost = e->elements;
    return EQ_OK;
}
