#include "elements.h"

#include <stddef.h>
#include <string.h>

#include "ops/arguments.h"

enum { CHUNK = 4096 }; /* elements of a unit that is no row of an image */

typedef struct eq_elements {
    eq_elements_fn fn;
    size_t elements, in_size, out_size;
    size_t unit;    /* elements */
    int32_t height; /* rows of an image, which may lie apart; 0: all elements are adjacent */
    _Alignas(max_align_t) uint8_t data[];
} eq_elements;

/* Whether the rows of all images are adjacent. */
static bool is_dense(const eq_elements *e, const eq_storage *images, size_t element) {
    const ptrdiff_t row = (ptrdiff_t)(e->unit * element);
    return images->row_stride == row && images->image_stride == e->height * row;
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_elements *e = step->data;
    const eq_storage *from = &storage[step->inputs[0].tensor], *to = &storage[step->outputs[0].tensor];
    const uint8_t *in = from->data;
    uint8_t *out = to->data;
    if (e->height > 0 && !(is_dense(e, from, e->in_size) && is_dense(e, to, e->out_size))) {
        for (int32_t unit = first; unit < last; ++unit) {
            const int32_t image = unit / e->height, row = unit % e->height;
            e->fn(e->data, in + image * from->image_stride + row * from->row_stride,
                  out + image * to->image_stride + row * to->row_stride, e->unit);
        }
        return;
    }
    const size_t begin = (size_t)first * e->unit, whole = (size_t)last * e->unit;
    const size_t end = whole < e->elements ? whole : e->elements;
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
    const bool rows = eq_is_image(in) && eq_is_image(out) && !in->data;
    e->height = rows ? in->dims[1] : 0;
    e->unit = rows ? (size_t)in->dims[2] * (size_t)in->dims[3] : CHUNK;
    step->inputs[0] = (eq_use){.tensor = op->inputs[0], .rows = rows};
    step->outputs[0] = (eq_use){.tensor = op->outputs[0], .rows = rows};
    step->units = (int32_t)((e->elements + e->unit - 1) / e->unit);
    step->cost = e->elements;
    return EQ_OK;
}
