/* TensorFlow Lite Micro's first steps from sound to spectrum, of int16: SignalWindow, SignalFftAutoScale, SignalEnergy. (tflite-micro,
 * signal/src) */
#include <string.h>

#include "arithmetic/spectrum.h"
#include "ops/custom_options.h"
#include "plan/operator.h"
#include "signal_step.h"

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
    const eq_windowing w = {eq_signal_length(eq_plan_input(plan, op, 0)), eq_custom_int(op, "shift", 0)};
    if (eq_tensor_elements(eq_plan_input(plan, op, 1)) != w.length || w.shift < 0 || w.shift > 31) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its window does not fit its input, or it shifts by no 0 to 31 places");
    }
    status = eq_signal_output(plan, op, 0, EQ_INT16, w.length);
    return status == EQ_OK ? eq_signal_status(plan, eq_signal_rows(plan, op, run_window, &w, sizeof w)) : status;
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
    if (status != EQ_OK ||
        (status = eq_signal_output(plan, op, 0, EQ_INT16, eq_signal_length(eq_plan_input(plan, op, 0)))) != EQ_OK) {
        return status;
    }
    if (eq_plan_output(plan, op, 1)->type != EQ_INT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output 1 must be int32");
    }
    if ((status = eq_plan_shape(plan, op, 1, 0, eq_plan_input(plan, op, 0)->dims)) != EQ_OK) {
        return status;
    }
    const int64_t count = eq_tensor_elements(eq_plan_input(plan, op, 0));
    return eq_signal_status(plan, eq_signal_step(plan, op, run_auto_scale, &count, sizeof count));
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
    const int32_t length = eq_signal_length(eq_plan_input(plan, op, 0));
    const eq_energy e = {length / 2, eq_custom_int(op, "start_index", 0), eq_custom_int(op, "end_index", length / 2)};
    if (length % 2 != 0 || e.start < 0 || e.end > e.length || e.start > e.end) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its input is of no pairs, or it asks for those from %d to %d of %d",
                            (int)e.start, (int)e.end, (int)e.length);
    }
    status = eq_signal_output(plan, op, 0, EQ_UINT32, e.length);
    return status == EQ_OK ? eq_signal_status(plan, eq_signal_rows(plan, op, run_energy, &e, sizeof e)) : status;
}

EQ_CUSTOM_OPERATOR("SignalWindow", eq_prepare_signal_window, INT16, INT16);
EQ_CUSTOM_OPERATOR("SignalFftAutoScale", eq_prepare_signal_auto_scale, INT16);
EQ_CUSTOM_OPERATOR("SignalEnergy", eq_prepare_signal_energy, INT16);
