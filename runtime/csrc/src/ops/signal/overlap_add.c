/* TensorFlow Lite Micro's SignalOverlapAdd: frames (..., frames, size) -> samples (..., frames * step). Each frame is added to what the
 * frames before it left past their first `step` samples, which goes on from run to run. (tflite-micro, signal/src/overlap_add.cc) */
#include <string.h>

#include "ops/custom_options.h"
#include "plan/operator.h"
#include "signal_step.h"

typedef struct eq_overlap {
    int32_t rows, frames, size, step;
} eq_overlap;

static void add_s16(void *sums, const void *frame, int32_t size) {
    int16_t *to = sums;
    const int16_t *from = frame;
    for (int32_t i = 0; i < size; ++i) {
        const int32_t sum = to[i] + from[i];
        to[i] = (int16_t)(sum < INT16_MIN ? INT16_MIN : sum > INT16_MAX ? INT16_MAX : sum);
    }
}

static void add_f32(void *sums, const void *frame, int32_t size) {
    float *to = sums;
    const float *from = frame;
    for (int32_t i = 0; i < size; ++i) {
        to[i] += from[i];
    }
}

static void run(const eq_step *step, const eq_storage *storage, void (*add)(void *sums, const void *frame, int32_t size),
                size_t bytes) {
    const eq_overlap *o = step->data;
    const size_t frame = (size_t)o->size * bytes, out_bytes = (size_t)o->step * bytes;
    const uint8_t *in = storage[step->inputs[0].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data, *sums = storage[step->outputs[1].tensor].data;
    for (int32_t row = 0; row < o->rows; ++row, sums += frame) {
        for (int32_t i = 0; i < o->frames; ++i, in += frame, out += out_bytes) {
            add(sums, in, o->size);
            memcpy(out, sums, out_bytes);
            memmove(sums, sums + out_bytes, frame - out_bytes);
            memset(sums + frame - out_bytes, 0, out_bytes);
        }
    }
}

static void run_s16(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    run(step, storage, add_s16, sizeof(int16_t));
}

static void run_f32(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    run(step, storage, add_f32, sizeof(float));
}

eq_status eq_prepare_signal_overlap_add(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    eq_overlap o = {.size = eq_signal_length(in), .step = eq_custom_int(op, "frame_step", 0)};
    if (in->rank < 2 || o.step < 1 || o.step > o.size || eq_tensor_elements(in) > INT32_MAX ||
        eq_plan_output(plan, op, 0)->type != in->type) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL,
                            "adds frames of %d samples, each %d; it takes frames (..., frames, samples), "
                            "steps of at least one and at most all samples, and an output of the input's type",
                            (int)o.size, (int)o.step);
    }
    int32_t dims[EQ_MAX_RANK];
    memcpy(dims, in->dims, sizeof dims);
    o.frames = in->dims[in->rank - 2];
    o.rows = (int32_t)(eq_tensor_elements(in) / ((int64_t)o.size * o.frames));
    dims[in->rank - 2] = o.frames * o.step; /* at most the input's elements */
    if ((status = eq_plan_shape(plan, op, 0, in->rank - 1, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_signal_step(plan, op, in->type == EQ_INT16 ? run_s16 : run_f32, &o, sizeof o);
    return step ? eq_signal_keep(plan, op, step, in->type, (int64_t)o.rows * o.size) : (eq_status)plan->error->status;
}

EQ_CUSTOM_OPERATOR("SignalOverlapAdd", eq_prepare_signal_overlap_add, INT16);
EQ_CUSTOM_OPERATOR("SignalOverlapAdd", eq_prepare_signal_overlap_add, FLOAT32);
