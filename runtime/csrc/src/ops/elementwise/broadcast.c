/* Broadcasting.
 *
 * The output's last two dimensions (width and channels of an image) are the inner part: `middle` runs of `inner` adjacent
 * values. The dimensions before them (images and rows) are the step's units. In an image tensor rows may lie apart in memory,
 * see eq_storage; the driver follows the strides of every tensor that has the output's shape.
 *
 * Few instructions around the kernels: without broadcasting a row is one run, and all rows are where they are adjacent. An
 * input that is the same for every pixel (a squeeze-and-excite factor) is repeated in scratch memory until it makes long runs.
 */
#include "broadcast.h"

#include <string.h>

#include "ops/arguments.h"

enum {
    EQ_SHORT_RUN = 512,     /* bytes; shorter runs are worth repeating an input for */
    EQ_REPEATED_RUN = 2048, /* bytes that a repeated input fills */
};

typedef struct eq_broadcast_data {
    eq_broadcast shape;
    eq_binary binary;
    size_t in_size, out_size; /* of one element */
    bool same_shape;
    bool by_one_value;   /* b is a single one, and a has the output's shape */
    bool rows[3];        /* a, b, out: outer strides come from the storage */
    int32_t repeated;    /* which input is repeated in scratch memory, or -1 */
    int32_t repetitions; /* inner runs that it fills there */
} eq_broadcast_data;

/* ---- shapes ---- */

static bool elements_differ(const eq_tensor *t, int32_t rank, const int32_t *dims) {
    return t->rank != rank || memcmp(t->dims, dims, (size_t)rank * sizeof *dims) != 0;
}

/* The strides of `t` along the output's dimensions. */
static void fill_strides(const eq_tensor *t, const eq_broadcast *shape, ptrdiff_t *strides) {
    ptrdiff_t stride = 1;
    for (int32_t i = shape->rank - 1, own = t->rank - 1; i >= 0; --i, --own) {
        const int32_t dim = own >= 0 ? t->dims[own] : 1;
        strides[i] = dim == 1 ? 0 : stride;
        stride *= dim;
    }
}

/* Leave out dimensions of 1, so that more of the others are the last two; those of an image have strides of their own. */
static void squeeze(eq_broadcast *shape) {
    int32_t kept = 0;
    for (int32_t i = 0; i < shape->rank; ++i) {
        if (shape->dims[i] != 1) {
            shape->dims[kept] = shape->dims[i];
            shape->strides[0][kept] = shape->strides[0][i];
            shape->strides[1][kept++] = shape->strides[1][i];
        }
    }
    shape->rank = kept;
}

/* Merge the last two dimensions into one run where both inputs allow it. */
static void merge_inner(eq_broadcast *shape) {
    const int32_t last = shape->rank - 1;
    shape->inner = shape->rank > 0 ? shape->dims[last] : 1;
    shape->middle = shape->rank > 1 ? shape->dims[last - 1] : 1;
    ptrdiff_t inner_strides[2] = {0, 0};
    bool merge = true;
    for (int32_t k = 0; k < 2; ++k) {
        inner_strides[k] = shape->rank > 0 ? shape->strides[k][last] : 0;
        shape->middle_strides[k] = shape->rank > 1 ? shape->strides[k][last - 1] : 0;
        merge = merge && (shape->middle == 1 || shape->middle_strides[k] == inner_strides[k] * shape->inner);
    }
    if (merge || shape->inner == 1) {
        for (int32_t k = 0; k < 2 && shape->inner == 1; ++k) {
            inner_strides[k] = shape->middle_strides[k];
        }
        shape->inner *= shape->middle;
        shape->middle = 1;
    }
    shape->scalar = inner_strides[0] == 0 || inner_strides[1] == 0;
    if (inner_strides[0] == 0 && inner_strides[1] != 0) {
        const eq_broadcast from = *shape;
        for (int32_t k = 0; k < 2; ++k) {
            shape->slots[k] = from.slots[1 - k];
            shape->middle_strides[k] = from.middle_strides[1 - k];
            memcpy(shape->strides[k], from.strides[1 - k], sizeof from.strides[0]);
        }
    }
}

eq_status eq_broadcast_shape(eq_plan *plan, const eq_operator *op, eq_broadcast *shape) {
    const eq_tensor *in[2] = {eq_plan_input(plan, op, 0), eq_plan_input(plan, op, 1)};
    *shape = (eq_broadcast){.slots = {0, 1}, .rank = in[0]->rank > in[1]->rank ? in[0]->rank : in[1]->rank};
    for (int32_t i = 1; i <= shape->rank; ++i) {
        const int32_t a = i <= in[0]->rank ? in[0]->dims[in[0]->rank - i] : 1;
        const int32_t b = i <= in[1]->rank ? in[1]->dims[in[1]->rank - i] : 1;
        if (a != b && a != 1 && b != 1) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "cannot broadcast a dimension of %d against one of %d", (int)a,
                                (int)b);
        }
        shape->dims[shape->rank - i] = a == 1 ? b : a;
    }
    fill_strides(in[0], shape, shape->strides[0]);
    fill_strides(in[1], shape, shape->strides[1]);
    const eq_status status = eq_plan_shape(plan, op, 0, shape->rank, shape->dims);
    if (status == EQ_OK && !eq_is_image(eq_plan_output(plan, op, 0))) {
        squeeze(shape);
    }
    merge_inner(shape);
    return status;
}

/* ---- running ---- */

typedef struct eq_cursor {
    const eq_broadcast_data *data;
    ptrdiff_t outer[3][EQ_MAX_RANK]; /* bytes: a, b, out */
    uint8_t *base[3];
    uint8_t *scratch;
    const uint8_t *repeated_from; /* what the scratch memory holds */
} eq_cursor;

static void outer_strides(eq_cursor *cursor, const eq_step *step, const eq_storage *storage) {
    const eq_broadcast_data *d = cursor->data;
    const eq_use *uses[3] = {&step->inputs[0], &step->inputs[1], &step->outputs[0]};
    for (int32_t k = 0; k < 3; ++k) {
        const eq_storage *s = &storage[uses[k]->tensor];
        cursor->base[k] = s->data;
        if (d->rows[k]) {
            cursor->outer[k][0] = s->image_stride;
            cursor->outer[k][1] = s->row_stride;
            continue;
        }
        ptrdiff_t dense = (ptrdiff_t)d->out_size * d->shape.middle * d->shape.inner;
        for (int32_t i = d->shape.rank - 3; i >= 0; --i) {
            cursor->outer[k][i] = k == 2 ? dense : d->shape.strides[k][i] * (ptrdiff_t)d->in_size;
            dense *= d->shape.dims[i];
        }
    }
}

/* Where unit `unit` of a, b and out begins. */
static void seek(const eq_cursor *cursor, int32_t unit, uint8_t *at[3]) {
    memcpy(at, cursor->base, sizeof cursor->base);
    for (int32_t i = cursor->data->shape.rank - 3; i >= 0; --i) {
        const int32_t dim = cursor->data->shape.dims[i], index = unit % dim;
        unit /= dim;
        for (int32_t k = 0; k < 3; ++k) {
            at[k] += index * cursor->outer[k][i];
        }
    }
}

static void run_pixels(const eq_broadcast_data *d, uint8_t *const at[3]) {
    const eq_broadcast *s = &d->shape;
    const eq_binary_run_fn run = s->scalar ? d->binary.run_scalar : d->binary.run;
    const ptrdiff_t a = s->middle_strides[0] * (ptrdiff_t)d->in_size, b = s->middle_strides[1] * (ptrdiff_t)d->in_size;
    const ptrdiff_t out = s->inner * (ptrdiff_t)d->out_size;
    for (int32_t i = 0; i < s->middle; ++i) {
        run(d->binary.parameters, at[0] + i * a, at[1] + i * b, at[2] + i * out, (size_t)s->inner);
    }
}

/* One input is the same for all pixels: long runs against its repetitions in scratch memory. */
static void run_repeated(eq_cursor *cursor, uint8_t *const at[3]) {
    const eq_broadcast_data *d = cursor->data;
    const size_t bytes = (size_t)d->shape.inner * d->in_size;
    const uint8_t *from = at[d->repeated];
    if (cursor->repeated_from != from) {
        for (int32_t i = 0; i < d->repetitions; ++i) {
            memcpy(cursor->scratch + (size_t)i * bytes, from, bytes);
        }
        cursor->repeated_from = from;
    }
    for (int32_t i = 0; i < d->shape.middle; i += d->repetitions) {
        const int32_t pixels = d->shape.middle - i < d->repetitions ? d->shape.middle - i : d->repetitions;
        const uint8_t *in[2] = {cursor->scratch, cursor->scratch};
        in[1 - d->repeated] = at[1 - d->repeated] + (size_t)i * bytes;
        d->binary.run(d->binary.parameters, in[0], in[1], at[2] + (size_t)i * (size_t)d->shape.inner * d->out_size,
                      (size_t)pixels * (size_t)d->shape.inner);
    }
}

/* Whether consecutive units are adjacent in all three tensors. */
static bool is_dense(const eq_cursor *cursor) {
    const eq_broadcast *s = &cursor->data->shape;
    if (!cursor->data->same_shape && !cursor->data->by_one_value) {
        return false;
    }
    for (int32_t k = 0; k < 3; k += cursor->data->by_one_value ? 2 : 1) {
        ptrdiff_t dense = (ptrdiff_t)(k == 2 ? cursor->data->out_size : cursor->data->in_size) * s->middle * s->inner;
        for (int32_t i = s->rank - 3; i >= 0; --i) {
            if (cursor->outer[k][i] != dense && s->dims[i] > 1) {
                return false;
            }
            dense *= s->dims[i];
        }
    }
    return true;
}

static void run(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_broadcast_data *d = step->data;
    eq_cursor cursor = {.data = d, .scratch = scratch};
    outer_strides(&cursor, step, storage);
    uint8_t *at[3];
    if (is_dense(&cursor)) {
        const size_t unit = (size_t)d->shape.middle * (size_t)d->shape.inner;
        seek(&cursor, first, at);
        (d->by_one_value ? d->binary.run_scalar : d->binary.run)(d->binary.parameters, at[0], at[1], at[2],
                                                                 (size_t)(last - first) * unit);
        return;
    }
    const int32_t row = d->shape.rank - 3; /* the dimension that neighbouring units differ in */
    for (int32_t unit = first, left = 0; unit < last; ++unit, --left) {
        if (left == 0) {
            seek(&cursor, unit, at);
            left = row < 0 ? 1 : d->shape.dims[row] - unit % d->shape.dims[row];
        } else {
            at[0] += cursor.outer[0][row], at[1] += cursor.outer[1][row], at[2] += cursor.outer[2][row];
        }
        if (d->repeated >= 0) {
            run_repeated(&cursor, at);
        } else {
            run_pixels(d, at);
        }
    }
}

/* ---- the step ---- */

static void choose_repetition(eq_step *step, eq_broadcast_data *d) {
    const eq_broadcast *s = &d->shape;
    const size_t bytes = (size_t)s->inner * d->in_size;
    d->repeated = -1;
    for (int32_t k = 0; k < 2; ++k) {
        if (!s->scalar && s->middle > 1 && s->middle_strides[k] == 0 && bytes < EQ_SHORT_RUN) {
            const size_t fitting = EQ_REPEATED_RUN / bytes;
            d->repeated = k;
            d->repetitions = (size_t)s->middle < fitting ? s->middle : (int32_t)fitting;
            step->scratch = (size_t)d->repetitions * bytes;
        }
    }
}

eq_status eq_broadcast_step(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, const eq_binary *binary) {
    eq_step *step = eq_plan_step(plan, op, run, sizeof(eq_broadcast_data), 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    eq_broadcast_data *d = step->data;
    *d = (eq_broadcast_data){.shape = *shape, .binary = *binary, .same_shape = true, .by_one_value = shape->scalar};
    const bool image = eq_is_image(out);
    for (int32_t k = 0; k < 2; ++k) {
        const eq_tensor *in = eq_plan_input(plan, op, shape->slots[k]);
        const bool differs = elements_differ(in, out->rank, out->dims);
        d->in_size = (size_t)eq_type_size(in->type);
        d->same_shape = d->same_shape && !differs;
        d->by_one_value = d->by_one_value && (k == 0 ? !differs : eq_tensor_elements(in) == 1);
        d->rows[k] = image && !differs && !in->data;
        step->inputs[k] = (eq_use){.tensor = op->inputs[shape->slots[k]], .rows = d->rows[k]};
    }
    d->out_size = (size_t)eq_type_size(out->type);
    d->rows[2] = image;
    step->outputs[0] = (eq_use){.tensor = op->outputs[0], .rows = image};
    choose_repetition(step, d);
    for (int32_t i = 0; i + 2 < shape->rank; ++i) {
        step->units *= shape->dims[i];
    }
    step->cost = (uint64_t)eq_tensor_elements(out) * d->in_size;
    step->floats = out->type == EQ_FLOAT32 || out->type == EQ_INT16;
    return EQ_OK;
}
