/* DILATE: elements of one value between the elements of the input, dilation - 1 of them along each dimension. */
#include <string.h>

#include "ops/arguments.h"
#include "plan/operator.h"

enum { INPUT, DILATIONS, BETWEEN };

typedef struct eq_dilate {
    int32_t rank, dims[EQ_MAX_RANK]; /* of the input */
    size_t strides[EQ_MAX_RANK];     /* bytes between its neighbours in the output */
    size_t element, bytes;           /* of a value and of the output */
} eq_dilate;

static const uint8_t *spread(const eq_dilate *d, int32_t axis, const uint8_t *from, uint8_t *to) {
    if (axis == d->rank) {
        memcpy(to, from, d->element);
        return from + d->element;
    }
    for (int32_t i = 0; i < d->dims[axis]; ++i) {
        from = spread(d, axis + 1, from, to + (size_t)i * d->strides[axis]);
    }
    return from;
}

static void run_dilate(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_dilate *d = step->data;
    const uint8_t *between = storage[step->inputs[1].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    for (size_t at = 0; at < d->bytes; at += d->element) {
        memcpy(out + at, between, d->element);
    }
    spread(d, 0, storage[step->inputs[0].tensor].data, out);
}

eq_status eq_prepare_dilate(eq_plan *plan, const eq_operator *op) {
    int32_t dilations[EQ_MAX_RANK], dims[EQ_MAX_RANK], count = 0;
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, INPUT, 0)) != EQ_OK ||
        (status = eq_argument_same_type(plan, op, BETWEEN, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, DILATIONS, dilations, EQ_MAX_RANK, &count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, INPUT), *out = eq_plan_output(plan, op, 0);
    if (count != in->rank || eq_tensor_elements(eq_plan_input(plan, op, BETWEEN)) != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a dilation for each dimension and one value to put between");
    }
    for (int32_t i = 0; i < count; ++i) {
        const int64_t size = dilations[i] < 1 ? 0 : ((int64_t)in->dims[i] - 1) * dilations[i] + 1;
        if (size < 1 || size > INT32_MAX) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "cannot dilate %d elements by %d", (int)in->dims[i],
                                (int)dilations[i]);
        }
        dims[i] = (int32_t)size;
    }
    if ((status = eq_plan_shape(plan, op, 0, count, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_dilate, sizeof(eq_dilate), 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_dilate *d = step->data;
    d->rank = count;
    d->bytes = d->element = (size_t)eq_type_size(out->type);
    memcpy(d->dims, in->dims, sizeof d->dims);
    for (int32_t i = count - 1; i >= 0; --i) {
        d->strides[i] = d->bytes * (size_t)dilations[i];
        d->bytes *= (size_t)dims[i];
    }
    step->inputs[0].tensor = op->inputs[INPUT];
    step->inputs[1].tensor = op->inputs[BETWEEN];
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)eq_tensor_elements(out);
    return EQ_OK;
}

EQ_OPERATOR(DILATE, eq_prepare_dilate, ANY);
EQ_OPERATOR_NOTE(DILATE, "the dilations must be known when a session opens");
