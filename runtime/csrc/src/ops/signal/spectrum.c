/* TensorFlow Lite Micro's first steps from sound to spectrum, of int16: SignalWindow, SignalFftAutoScale, SignalRfft, SignalEnergy.
 * (tflite-micro, signal/src) */
#include <string.h>

#include "arithmetic/fft_s16.h"
#include "arithmetic/spectrum.h"
#include "ops/custom_options.h"
#include "plan/operator.h"

enum { LONGEST = 1 << 20 };

/* An output of this type whose last dimension is `last`, the others being the input's. */
static eq_status set_output(eq_plan *plan, const eq_operator *op, eq_type type, int32_t last) {
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    int32_t dims[EQ_MAX_RANK];
    if (in->rank < 1 || eq_plan_output(plan, op, 0)->type != type) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs an input of one dimension or more, and an output of type %s",
                            eq_type_name(type));
    }
    memcpy(dims, in->dims, sizeof dims);
    dims[in->rank - 1] = last;
    return eq_plan_shape(plan, op, 0, in->rank, dims);
}

static int32_t length_of(const eq_tensor *tensor) {
    return tensor->rank > 0 ? tensor->dims[tensor->rank - 1] : 1;
}

/* The step of the operator, a unit of which is a row of the input. */
static eq_step *append(eq_plan *plan, const eq_operator *op, eq_run_fn run, const void *data, size_t bytes) {
    eq_step *step = eq_plan_step(plan, op, run, bytes, op->input_count, op->output_count);
    if (step) {
        const eq_tensor *in = eq_plan_input(plan, op, 0);
        memcpy(step->data, data, bytes);
        for (int32_t i = 0; i < op->input_count; ++i) {
            step->inputs[i].tensor = op->inputs[i];
        }
        for (int32_t i = 0; i < op->output_count; ++i) {
            step->outputs[i].tensor = op->outputs[i];
        }
        step->units = (int32_t)(eq_tensor_elements(in) / length_of(in));
        step->cost = (uint64_t)eq_tensor_elements(in);
    }
    return step;
}

static eq_status appended(const eq_plan *plan, const eq_step *step) {
    return step ? EQ_OK : (eq_status)plan->error->status;
}

/* ---- SignalWindow: each row times the window ---- */

typedef struct eq_windowing {
    int32_t length, shift;
} eq_windowing;

static void run_window(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_windowing *w = step->data;
    const int16_t *in = (const int16_t *)storage[step->inputs[0].tensor].data + (ptrdiff_t)first * w->length;
    const int16_t *window = storage[step->inputs[1].tensor].data;
    int16_t *out = (int16_t *)storage[step->outputs[0].tensor].data + (ptrdiff_t)first * w->length;
    for (int32_t unit = first; unit < last; ++unit, in += w->length, out += w->length) {
        eq_window_s16(in, window, w->length, w->shift, out);
    }
}

eq_status eq_prepare_signal_window(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_windowing w = {length_of(eq_plan_input(plan, op, 0)), eq_custom_int(op, "shift", 0)};
    if (eq_tensor_elements(eq_plan_input(plan, op, 1)) != w.length || w.shift < 0 || w.shift > 31) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its window does not fit its input, or it shifts by no 0 to 31 places");
    }
    status = set_output(plan, op, EQ_INT16, w.length);
    return status == EQ_OK ? appended(plan, append(plan, op, run_window, &w, sizeof w)) : status;
}

/* ---- SignalFftAutoScale: as large as 16 bits hold, and by how many bits that is ---- */

static void run_auto_scale(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const int64_t *count = step->data;
    const int16_t *in = storage[step->inputs[0].tensor].data;
    int16_t *out = storage[step->outputs[0].tensor].data;
    const int32_t bits = eq_free_bits(in, *count);
    for (int64_t i = 0; i < *count; ++i) {
        out[i] = (int16_t)(in[i] * (1 << bits));
    }
    *(int32_t *)storage[step->outputs[1].tensor].data = bits;
}

eq_status eq_prepare_signal_auto_scale(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 2);
    if (status != EQ_OK || (status = set_output(plan, op, EQ_INT16, length_of(eq_plan_input(plan, op, 0)))) != EQ_OK) {
        return status;
    }
    if (eq_plan_output(plan, op, 1)->type != EQ_INT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output 1 must be int32");
    }
    if ((status = eq_plan_shape(plan, op, 1, 0, eq_plan_input(plan, op, 0)->dims)) != EQ_OK) {
        return status;
    }
    const int64_t count = eq_tensor_elements(eq_plan_input(plan, op, 0));
    eq_step *step = append(plan, op, run_auto_scale, &count, sizeof count);
    if (step) {
        step->units = 1;
    }
    return appended(plan, step);
}

/* ---- SignalRfft: each row, filled with zeros, to pairs of real and imaginary parts ---- */

typedef struct eq_signal_rfft {
    int32_t in_length, length;
    const eq_complex_s16 *factors;
} eq_signal_rfft;

static void run_rfft(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_signal_rfft *r = step->data;
    const int16_t *in = (const int16_t *)storage[step->inputs[0].tensor].data + (ptrdiff_t)first * r->in_length;
    eq_complex_s16 *out = (eq_complex_s16 *)storage[step->outputs[0].tensor].data + (ptrdiff_t)first * (r->length / 2 + 1);
    int16_t *row = scratch;
    for (int32_t unit = first; unit < last; ++unit, in += r->in_length, out += r->length / 2 + 1) {
        memcpy(row, in, (size_t)r->in_length * sizeof *in);
        memset(row + r->in_length, 0, (size_t)(r->length - r->in_length) * sizeof *in);
        eq_fft_s16_real(row, r->length, r->factors, (eq_complex_s16 *)(void *)(row + r->length), out);
    }
}

eq_status eq_prepare_signal_rfft(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    eq_signal_rfft r = {.in_length = length_of(eq_plan_input(plan, op, 0)), .length = eq_custom_int(op, "fft_length", 0)};
    if (r.length < 4 || r.length > LONGEST || (r.length & (r.length - 1)) != 0 || r.in_length > r.length) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED,
                            "transforms %d of %d values; it takes powers of two from 4 on, not less than the input's",
                            (int)r.in_length, (int)r.length);
    }
    if ((status = set_output(plan, op, EQ_INT16, r.length + 2)) != EQ_OK) {
        return status;
    }
    eq_complex_s16 *factors = eq_plan_take(plan, (size_t)r.length * sizeof *factors);
    if (!factors) {
        return (eq_status)plan->error->status;
    }
    eq_fft_s16_factors(r.length, factors);
    r.factors = factors;
    eq_step *step = append(plan, op, run_rfft, &r, sizeof r);
    if (step) {
        step->scratch = (size_t)r.length * 2 * sizeof(int16_t);
        step->cost *= 16;
    }
    return appended(plan, step);
}

/* ---- SignalEnergy: squares of what has a real and an imaginary part; 0 outside of the range that is asked for ---- */

typedef struct eq_energy {
    int32_t length, start, end;
} eq_energy;

static void run_energy(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_energy *e = step->data;
    const eq_complex_s16 *in = (const eq_complex_s16 *)storage[step->inputs[0].tensor].data + (ptrdiff_t)first * e->length;
    uint32_t *out = (uint32_t *)storage[step->outputs[0].tensor].data + (ptrdiff_t)first * e->length;
    for (int32_t unit = first; unit < last; ++unit, in += e->length, out += e->length) {
        for (int32_t i = 0; i < e->length; ++i) {
            out[i] = i >= e->start && i < e->end ? eq_energy_s16(in[i]) : 0;
        }
    }
}

eq_status eq_prepare_signal_energy(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const int32_t length = length_of(eq_plan_input(plan, op, 0));
    const eq_energy e = {length / 2, eq_custom_int(op, "start_index", 0), eq_custom_int(op, "end_index", length / 2)};
    if (length % 2 != 0 || e.start < 0 || e.end > e.length || e.start > e.end) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its input is of no pairs, or it asks for those from %d to %d of %d",
                            (int)e.start, (int)e.end, (int)e.length);
    }
    status = set_output(plan, op, EQ_UINT32, e.length);
    return status == EQ_OK ? appended(plan, append(plan, op, run_energy, &e, sizeof e)) : status;
}

EQ_CUSTOM_OPERATOR("SignalWindow", eq_prepare_signal_window, INT16, INT16);
EQ_CUSTOM_OPERATOR("SignalFftAutoScale", eq_prepare_signal_auto_scale, INT16);
EQ_CUSTOM_OPERATOR("SignalRfft", eq_prepare_signal_rfft, INT16);
EQ_CUSTOM_OPERATOR("SignalEnergy", eq_prepare_signal_energy, INT16);
EQ_CUSTOM_OPERATOR_NOTE("SignalRfft", "int16, lengths of powers of two");
