/* PAD, PADV2 and MIRROR_PAD. */
#include "pad.h"

#include <string.h>

#include "ops/arguments.h"
#include "plan/operator.h"

/* ---- the step ---- */

typedef struct eq_pad {
    eq_padding padding;
    int32_t in_dims[EQ_MAX_RANK], out_dims[EQ_MAX_RANK];
    ptrdiff_t in_bytes[EQ_MAX_RANK + 1], out_bytes[EQ_MAX_RANK + 1]; /* of everything from an axis on */
    int32_t first; /* axis that a unit begins with: 2 in an image, whose units are rows, else 0 */
    int32_t last;  /* the innermost padded axis */
    size_t element;
    bool same_bytes; /* of the constant */
} eq_pad;

/* Which index of the input stands at an index of the output; -1: the constant. */
static int32_t source(const eq_pad *pad, int32_t axis, int32_t index) {
    const int32_t size = pad->in_dims[axis], mirror = pad->padding.mode;
    index -= pad->padding.before[axis];
    if (index >= 0 && index < size) {
        return index;
    }
    if (mirror == EQ_PAD_CONSTANT) {
        return -1;
    }
    return index < 0 ? -index - mirror : 2 * size - 2 - index + mirror;
}

static void fill(const eq_pad *pad, uint8_t *out, ptrdiff_t bytes) {
    if (pad->same_bytes) {
        memset(out, pad->padding.value[0], (size_t)bytes);
        return;
    }
    for (ptrdiff_t i = 0; i < bytes; i += (ptrdiff_t)pad->element) {
        memcpy(out + i, pad->padding.value, pad->element);
    }
}

static void pad_axis(const eq_pad *pad, int32_t axis, const uint8_t *in, uint8_t *out) {
    const ptrdiff_t in_step = pad->in_bytes[axis + 1], out_step = pad->out_bytes[axis + 1];
    for (int32_t i = 0; i < pad->out_dims[axis]; ++i, out += out_step) {
        const int32_t from = source(pad, axis, i), before = pad->padding.before[axis];
        if (from < 0) { /* all of the constant on this side at once */
            const int32_t more = (i < before ? before : pad->out_dims[axis]) - 1 - i;
            fill(pad, out, (more + 1) * out_step);
            i += more;
            out += more * out_step;
        } else if (axis < pad->last) {
            pad_axis(pad, axis + 1, in + from * in_step, out);
        } else if (i == before) { /* all of the input at once */
            memcpy(out, in, (size_t)(in_step * pad->in_dims[axis]));
            i += pad->in_dims[axis] - 1;
            out += out_step * (pad->in_dims[axis] - 1);
        } else {
            memcpy(out, in + from * in_step, (size_t)in_step);
        }
    }
}

static void run_pad(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_pad *pad = step->data;
    const eq_storage *from = &storage[step->inputs[0].tensor], *to = &storage[step->outputs[0].tensor];
    if (pad->first == 0) {
        pad_axis(pad, 0, from->data, to->data);
        return;
    }
    for (int32_t unit = first; unit < last; ++unit) {
        const int32_t image = unit / pad->out_dims[1], row = unit % pad->out_dims[1];
        const int32_t in_image = source(pad, 0, image), in_row = source(pad, 1, row);
        uint8_t *out = (uint8_t *)to->data + image * to->image_stride + row * to->row_stride;
        if (in_image < 0 || in_row < 0) {
            fill(pad, out, pad->out_bytes[2]);
        } else {
            pad_axis(pad, 2, (const uint8_t *)from->data + in_image * from->image_stride + in_row * from->row_stride, out);
        }
    }
}

eq_status eq_pad_step(eq_plan *plan, const eq_operator *op, const eq_padding *padding, int32_t from, int32_t to) {
    const eq_tensor *in = &plan->tensors[from].tensor, *out = &plan->tensors[to].tensor;
    const bool image = eq_is_image(in);
    eq_step *step = eq_plan_step(plan, op, run_pad, sizeof(eq_pad), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    eq_pad *pad = step->data;
    pad->padding = *padding;
    pad->element = (size_t)eq_type_size(in->type);
    pad->same_bytes = memcmp(padding->value, padding->value + 1, pad->element - 1) == 0;
    pad->in_bytes[in->rank] = pad->out_bytes[in->rank] = (ptrdiff_t)pad->element;
    pad->first = pad->last = image ? 2 : 0;
    for (int32_t i = in->rank - 1; i >= 0; --i) {
        pad->in_dims[i] = in->dims[i];
        pad->out_dims[i] = out->dims[i];
        pad->in_bytes[i] = pad->in_bytes[i + 1] * in->dims[i];
        pad->out_bytes[i] = pad->out_bytes[i + 1] * out->dims[i];
        if ((padding->before[i] > 0 || padding->after[i] > 0) && i > pad->last) {
            pad->last = i;
        }
    }
    step->inputs[0] = (eq_use){.tensor = from, .rows = image};
    step->outputs[0] = (eq_use){.tensor = to, .rows = image};
    step->units = image ? out->dims[0] * out->dims[1] : 1;
    step->cost = (uint64_t)pad->out_bytes[0] / 4;
    return EQ_OK;
}

/* ---- the operators ---- */

/* The paddings, (rank, 2), and the shape that they give. */
static eq_status read_paddings(eq_plan *plan, const eq_operator *op, eq_padding *padding) {
    int32_t values[2 * EQ_MAX_RANK], count = 0, dims[EQ_MAX_RANK];
    eq_status status;
    if ((status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_same_quantization(plan, op, 0, 0)) != EQ_OK ||
        (status = eq_argument_ints(plan, op, 1, values, 2 * EQ_MAX_RANK, &count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->rank == 0 || count != 2 * in->rank) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs two paddings for each of %d dimensions", (int)in->rank);
    }
    for (int32_t i = 0; i < in->rank; ++i) {
        const int32_t before = values[2 * i], after = values[2 * i + 1];
        const int32_t most = padding->mode == EQ_PAD_CONSTANT    ? INT32_MAX
                             : padding->mode == EQ_PAD_SYMMETRIC ? in->dims[i]
                                                                 : in->dims[i] - 1;
        const int64_t total = (int64_t)in->dims[i] + before + after;
        if (before < 0 || after < 0 || before > most || after > most || total > INT32_MAX) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "cannot pad dimension %d of %d by %d and %d", (int)i,
                                (int)in->dims[i], (int)before, (int)after);
        }
        padding->before[i] = before;
        padding->after[i] = after;
        dims[i] = (int32_t)total;
    }
    return eq_plan_shape(plan, op, 0, in->rank, dims);
}

/* Convolutions may take the padding upon themselves if it is around images and means zero. */
static void offer_to_convolutions(eq_plan *plan, const eq_operator *op, const eq_padding *p) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    static const uint8_t zero[sizeof p->value];
    const bool is_zero = in->type == EQ_INT8 ? in->scale_count == 1 && p->value[0] == (uint8_t)in->zero_points[0]
                                             : memcmp(p->value, zero, sizeof zero) == 0;
    if (!eq_is_image(in) || in->data || !is_zero || p->before[0] > 0 || p->after[0] > 0 || p->before[3] > 0 ||
        p->after[3] > 0) {
        return;
    }
    eq_plan_tensor *out = &plan->tensors[op->outputs[0]];
    out->pad_source = op->inputs[0];
    out->pad = (eq_halo){.top = p->before[1], .bottom = p->after[1], .left = p->before[2], .right = p->after[2]};
}

static eq_status prepare_constant_pad(eq_plan *plan, const eq_operator *op, eq_padding *padding) {
    eq_status status = read_paddings(plan, op, padding);
    if (status == EQ_OK) {
        offer_to_convolutions(plan, op, padding);
        status = eq_pad_step(plan, op, padding, op->inputs[0], op->outputs[0]);
    }
    return status;
}

eq_status eq_prepare_pad(eq_plan *plan, const eq_operator *op) {
    eq_padding padding = {.mode = EQ_PAD_CONSTANT};
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (in->type == EQ_INT8 && in->scale_count == 1) {
        padding.value[0] = (uint8_t)in->zero_points[0];
    }
    return prepare_constant_pad(plan, op, &padding);
}

eq_status eq_prepare_padv2(eq_plan *plan, const eq_operator *op) {
    eq_padding padding = {.mode = EQ_PAD_CONSTANT};
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *value = eq_plan_input(plan, op, 2);
    if (!value->data || value->is_variable || eq_tensor_elements(value) != 1 || value->type != in->type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its padding value must be one constant of its input's type");
    }
    memcpy(padding.value, value->data, (size_t)eq_type_size(value->type));
    return prepare_constant_pad(plan, op, &padding);
}

eq_status eq_prepare_mirror_pad(eq_plan *plan, const eq_operator *op) {
    eq_padding padding = {.mode = eq_option_byte(op, 0, 0) == 1 ? EQ_PAD_SYMMETRIC : EQ_PAD_REFLECT};
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = read_paddings(plan, op, &padding)) != EQ_OK) {
        return status;
    }
    return eq_pad_step(plan, op, &padding, op->inputs[0], op->outputs[0]);
}

EQ_OPERATOR(PAD, eq_prepare_pad, ANY);
EQ_OPERATOR(PADV2, eq_prepare_padv2, ANY);
EQ_OPERATOR(MIRROR_PAD, eq_prepare_mirror_pad, ANY);
EQ_OPERATOR_NOTE(PAD, "constant paddings; before a convolution it costs nothing");
