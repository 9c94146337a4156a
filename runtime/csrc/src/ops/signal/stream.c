/* TensorFlow Lite Micro's operators on sound that comes piece by piece, and what they keep of it from run to run: SignalDelay,
 * SignalFramer, SignalStacker. (tflite-micro, signal/micro/kernels) */
#include <string.h>

#include "ops/custom_options.h"
#include "plan/operator.h"
#include "signal_step.h"

/* ---- SignalDelay: every row is one stream, and gives what came `delay` samples ago ---- */

typedef struct eq_delay {
    int32_t rows, length, delay;
} eq_delay;

static void run_delay(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last;
    const eq_delay *d = step->data;
    const size_t length = (size_t)d->length, delay = (size_t)d->delay;
    const int16_t *in = storage[step->inputs[0].tensor].data;
    int16_t *out = storage[step->outputs[0].tensor].data, *kept = storage[step->outputs[1].tensor].data, *both = scratch;
    for (int32_t row = 0; row < d->rows; ++row, in += length, out += length, kept += delay) {
        memcpy(both, kept, delay * sizeof *both);
        memcpy(both + delay, in, length * sizeof *both);
        memcpy(out, both, length * sizeof *both);
        memcpy(kept, both + length, delay * sizeof *both);
    }
}

eq_status eq_prepare_signal_delay(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    eq_delay d = {.length = eq_signal_length(in), .delay = eq_custom_int(op, "delay_length", -1)};
    d.rows = (int32_t)(eq_tensor_elements(in) / d.length);
    if (d.delay < 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "delays by %d samples", (int)d.delay);
    }
    if ((status = eq_signal_output(plan, op, 0, EQ_INT16, d.length)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_signal_step(plan, op, run_delay, &d, sizeof d);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    step->scratch = ((size_t)d.length + (size_t)d.delay) * sizeof(int16_t);
    return eq_signal_keep(plan, op, step, EQ_INT16, (int64_t)d.rows * d.delay);
}

/* ---- a queue of samples, as long as its owner needs ---- */

static void push(int16_t *queue, int32_t *count, const int16_t *samples, int32_t size) {
    memcpy(queue + *count, samples, (size_t)size * sizeof *queue);
    *count += size;
}

static void drop(int16_t *queue, int32_t *count, int32_t size) {
    *count -= size;
    memmove(queue, queue + size, (size_t)*count * sizeof *queue);
}

/* ---- SignalFramer: every row is one stream. Each `step` samples complete a frame of `size`; a frame for which not enough have come is
 * zeros, and output 1 false ---- */

typedef struct eq_framer {
    int32_t rows, frames, size, step;
    int32_t room;    /* of a row's queue */
    int32_t prefill; /* zeros that are as if they had come first */
} eq_framer;

static void run_framer(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_framer *f = step->data;
    const int16_t *in = storage[step->inputs[0].tensor].data;
    int16_t *out = storage[step->outputs[0].tensor].data, *queue = storage[step->outputs[2].tensor].data;
    int32_t *come = storage[step->outputs[3].tensor].data, count = 0; /* beside the prefill; the same for all rows */
    uint8_t *complete = storage[step->outputs[1].tensor].data;
    *complete = 1;
    for (int32_t row = 0; row < f->rows; ++row, queue += f->room) {
        count = *come + f->prefill;
        for (int32_t frame = 0; frame < f->frames; ++frame, in += f->step, out += f->size) {
            push(queue, &count, in, f->step);
            if (count >= f->size) {
                memcpy(out, queue, (size_t)f->size * sizeof *out);
                drop(queue, &count, f->step);
            } else {
                memset(out, 0, (size_t)f->size * sizeof *out);
                *complete = 0;
            }
        }
    }
    *come = count - f->prefill;
}

static eq_status shape_frames(eq_plan *plan, const eq_operator *op, const eq_framer *f) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    int32_t dims[EQ_MAX_RANK];
    if (in->rank + 1 > EQ_MAX_RANK || eq_plan_output(plan, op, 0)->type != EQ_INT16 ||
        eq_plan_output(plan, op, 1)->type != EQ_BOOL) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs an input of fewer dimensions, and outputs of type INT16 and BOOL");
    }
    memcpy(dims, in->dims, sizeof dims);
    dims[in->rank - 1] = f->frames;
    dims[in->rank] = f->size;
    const eq_status status = eq_plan_shape(plan, op, 0, in->rank + 1, dims);
    return status == EQ_OK ? eq_plan_shape(plan, op, 1, 0, dims) : status;
}

eq_status eq_prepare_signal_framer(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 2);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const int32_t length = eq_signal_length(in), size = eq_custom_int(op, "frame_size", 0);
    const int32_t hop = eq_custom_int(op, "frame_step", 0);
    const bool prefills = eq_custom_bool(op, "prefill", false);
    if (in->rank < 1 || size < 1 || hop < 1 || length % hop != 0 || (prefills && size < hop) || size > INT32_MAX - hop) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "takes frames of %d samples, each %d, from %d: they must be whole steps",
                            (int)size, (int)hop, (int)length);
    }
    const eq_framer f = {.rows = (int32_t)(eq_tensor_elements(in) / length),
                         .frames = length / hop,
                         .size = size,
                         .step = hop,
                         .room = (size + hop - 1) / hop * hop,
                         .prefill = prefills ? size - hop : 0};
    if ((status = shape_frames(plan, op, &f)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_signal_step(plan, op, run_framer, &f, sizeof f);
    if (!step || (status = eq_signal_keep(plan, op, step, EQ_INT16, (int64_t)f.rows * f.room)) != EQ_OK) {
        return step ? status : (eq_status)plan->error->status;
    }
    return eq_signal_keep(plan, op, step, EQ_INT32, 1);
}

/* ---- SignalStacker: the channels of the last runs behind each other, each `step` runs; else zeros, and output 1 false. The first
 * run counts as often again as there are runs before the one that is looked at ---- */

typedef struct eq_stacker {
    int32_t channels, room; /* of the queue, which is the output's length */
    int32_t before, step;   /* runs */
} eq_stacker;

typedef struct eq_stacked {
    int32_t count, started;
} eq_stacked;

static void run_stacker(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_stacker *s = step->data;
    const int16_t *in = storage[step->inputs[0].tensor].data;
    int16_t *out = storage[step->outputs[0].tensor].data, *queue = storage[step->outputs[2].tensor].data;
    eq_stacked *state = storage[step->outputs[3].tensor].data;
    for (int32_t times = state->started ? 1 : 1 + s->before; times > 0; --times) {
        push(queue, &state->count, in, s->channels);
    }
    state->started = 1;
    const bool complete = state->count >= s->room;
    if (complete) {
        memcpy(out, queue, (size_t)s->room * sizeof *out);
        drop(queue, &state->count, s->step * s->channels);
    } else {
        memset(out, 0, (size_t)s->room * sizeof *out);
    }
    *(uint8_t *)storage[step->outputs[1].tensor].data = complete;
}

eq_status eq_prepare_signal_stacker(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 2);
    if (status != EQ_OK) {
        return status;
    }
    const int32_t channels = eq_custom_int(op, "num_channels", 0), before = eq_custom_int(op, "stacker_left_context", 0);
    const int32_t after = eq_custom_int(op, "stacker_right_context", 0), hop = eq_custom_int(op, "stacker_step", 0);
    const int64_t runs = (int64_t)before + after + 1;
    if (channels < 1 || before < 0 || after < 0 || hop < 1 || hop > runs || runs * channels > INT32_MAX ||
        eq_signal_length(eq_plan_input(plan, op, 0)) != channels ||
        eq_tensor_elements(eq_plan_input(plan, op, 0)) != channels || eq_plan_output(plan, op, 1)->type != EQ_BOOL) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL,
                            "stacks %d channels of %d runs before and %d after, each %d, and takes one value "
                            "for each channel, at least one run, no step past them, and a BOOL output",
                            (int)channels, (int)before, (int)after, (int)hop);
    }
    const eq_stacker s = {channels, (int32_t)runs * channels, before, hop};
    if ((status = eq_signal_output(plan, op, 0, EQ_INT16, s.room)) != EQ_OK ||
        (status = eq_plan_shape(plan, op, 1, 0, &s.room)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_signal_step(plan, op, run_stacker, &s, sizeof s);
    if (!step || (status = eq_signal_keep(plan, op, step, EQ_INT16, s.room)) != EQ_OK) {
        return step ? status : (eq_status)plan->error->status;
    }
    return eq_signal_keep(plan, op, step, EQ_INT32, sizeof(eq_stacked) / sizeof(int32_t));
}

EQ_CUSTOM_OPERATOR("SignalDelay", eq_prepare_signal_delay, INT16);
EQ_CUSTOM_OPERATOR("SignalFramer", eq_prepare_signal_framer, INT16);
EQ_CUSTOM_OPERATOR("SignalStacker", eq_prepare_signal_stacker, INT16);
