/* TensorFlow Lite Micro's filters of a spectrum: SignalFilterBank, SignalFilterBankSquareRoot, SignalFilterBankSpectralSubtraction,
 * SignalPCAN, SignalFilterBankLog. In integers; what overflows there wraps here. (tflite-micro, signal/src) */
#include <string.h>

#include "arithmetic/spectrum.h"
#include "ops/custom_options.h"
#include "plan/operator.h"
#include "signal_step.h"

/* The step of an operator whose outputs have this type, and the shape of its first input. NULL: error written. */
static eq_step *append(eq_plan *plan, const eq_operator *op, eq_run_fn run, const void *data, size_t bytes, eq_type type) {
    for (int32_t i = 0; i < op->output_count; ++i) {
        if (eq_signal_output(plan, op, i, type, eq_signal_length(eq_plan_input(plan, op, 0))) != EQ_OK) {
            return NULL;
        }
    }
    return eq_signal_step(plan, op, run, data, bytes);
}

/* ---- SignalFilterBank: sums of weighted frequencies. A frequency has two weights, one for each of two adjacent channels, and the
 * channel before the first is only there for these ---- */

enum { SPECTRUM, WEIGHTS, UNWEIGHTS, FREQUENCY_STARTS, WEIGHT_STARTS, WIDTHS };

static void run_filter_bank(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const int32_t channels = *(const int32_t *)step->data;
    const uint32_t *in = storage[step->inputs[SPECTRUM].tensor].data;
    const int16_t *weights = storage[step->inputs[WEIGHTS].tensor].data;
    const int16_t *unweights = storage[step->inputs[UNWEIGHTS].tensor].data;
    const int16_t *frequencies = storage[step->inputs[FREQUENCY_STARTS].tensor].data;
    const int16_t *starts = storage[step->inputs[WEIGHT_STARTS].tensor].data;
    const int16_t *widths = storage[step->inputs[WIDTHS].tensor].data;
    const eq_filter_bank bank = {channels, weights, unweights, frequencies, starts, widths};
    eq_filter_bank_sums(&bank, in, storage[step->outputs[0].tensor].data);
}

/* The lists must be known, and name nothing outside of the spectrum and the weights. */
static eq_status check_lists(eq_plan *plan, const eq_operator *op, int32_t channels) {
    const int16_t *lists[3];
    for (int32_t i = 0; i < 3; ++i) {
        const eq_tensor *list = eq_plan_input(plan, op, FREQUENCY_STARTS + i);
        if (list->type != EQ_INT16 || !list->data || eq_tensor_elements(list) != channels + 1) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its input %d is no constant int16 list for %d channels",
                                (int)(FREQUENCY_STARTS + i), (int)channels);
        }
        lists[i] = list->data;
    }
    const int64_t frequencies = eq_tensor_elements(eq_plan_input(plan, op, SPECTRUM));
    const int64_t weights = eq_tensor_elements(eq_plan_input(plan, op, WEIGHTS));
    if (eq_tensor_elements(eq_plan_input(plan, op, UNWEIGHTS)) != weights ||
        eq_plan_input(plan, op, UNWEIGHTS)->type != EQ_INT16) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its two lists of weights differ in length or type");
    }
    for (int32_t i = 0; i <= channels; ++i) {
        const int32_t width = lists[2][i];
        if (width > 0 &&
            (lists[0][i] < 0 || lists[0][i] + width > frequencies || lists[1][i] < 0 || lists[1][i] + width > weights)) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its channel %d reads outside of its spectrum or weights", (int)i);
        }
    }
    return EQ_OK;
}

eq_status eq_prepare_filter_bank(eq_plan *plan, const eq_operator *op) {
    const int32_t channels = eq_custom_int(op, "num_channels", 0);
    eq_status status = eq_plan_arity(plan, op, 6, 6, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    if (channels < 1 || channels > INT16_MAX) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has %d channels", (int)channels);
    }
    status = check_lists(plan, op, channels);
    if (status == EQ_OK && eq_plan_output(plan, op, 0)->type != EQ_UINT64) {
        status = eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output must be UINT64");
    }
    if (status != EQ_OK || (status = eq_plan_shape(plan, op, 0, 1, &channels)) != EQ_OK) {
        return status;
    }
    return eq_signal_status(plan, eq_signal_step(plan, op, run_filter_bank, &channels, sizeof channels));
}

/* ---- SignalFilterBankSquareRoot, less the bits that SignalFftAutoScale added ---- */

static void run_square_root(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const int64_t *count = step->data;
    const uint64_t *in = storage[step->inputs[0].tensor].data;
    const int32_t bits = *(const int32_t *)storage[step->inputs[1].tensor].data;
    uint32_t *out = storage[step->outputs[0].tensor].data;
    for (int64_t i = 0; i < *count; ++i) {
        out[i] = bits < 0 || bits > 31 ? 0 : eq_root_of(in[i]) >> bits;
    }
}

eq_status eq_prepare_filter_bank_square_root(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    if (eq_tensor_elements(eq_plan_input(plan, op, 1)) != 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its input 1 must be one value");
    }
    const int64_t count = eq_tensor_elements(eq_plan_input(plan, op, 0));
    return eq_signal_status(plan, append(plan, op, run_square_root, &count, sizeof count, EQ_UINT32));
}

/* ---- SignalFilterBankSpectralSubtraction: less an estimate of the noise, which goes on from run to run ---- */

static void run_subtraction(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_noise_filter *s = step->data;
    const uint32_t *in = storage[step->inputs[0].tensor].data;
    uint32_t *out = storage[step->outputs[0].tensor].data, *told = storage[step->outputs[1].tensor].data;
    uint32_t *noise = storage[step->outputs[2].tensor].data;
    eq_subtract_noise(s, in, noise, out);
    memcpy(told, noise, (size_t)s->channels * sizeof *told);
}

eq_status eq_prepare_filter_bank_subtraction(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 2);
    if (status != EQ_OK) {
        return status;
    }
    const eq_noise_filter s = {
        .channels = eq_custom_int(op, "num_channels", 0),
        .smoothing_bits = eq_custom_int(op, "smoothing_bits", 0),
        .bits = eq_custom_int(op, "spectral_subtraction_bits", 0),
        .smoothing = {(uint32_t)eq_custom_int(op, "smoothing", 0), (uint32_t)eq_custom_int(op, "alternate_smoothing", 0)},
        .rest = {(uint32_t)eq_custom_int(op, "one_minus_smoothing", 0),
                 (uint32_t)eq_custom_int(op, "alternate_one_minus_smoothing", 0)},
        .remaining = (uint32_t)eq_custom_int(op, "min_signal_remaining", 0),
        .clamps = eq_custom_bool(op, "clamping", false),
    };
    if (s.channels < 1 || eq_tensor_elements(eq_plan_input(plan, op, 0)) != s.channels || s.smoothing_bits < 0 ||
        s.smoothing_bits > 31 || s.bits < 0 || s.bits > 31) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a value for each of %d channels, and shifts by 0 to 31 places",
                            (int)s.channels);
    }
    eq_step *step = append(plan, op, run_subtraction, &s, sizeof s, EQ_UINT32);
    return step ? eq_signal_keep(plan, op, step, EQ_UINT32, s.channels) : (eq_status)plan->error->status;
}

/* ---- SignalPCAN: gain control by the noise ---- */

typedef struct eq_pcan {
    int64_t channels;
    int32_t shift;
} eq_pcan;

static void run_pcan(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_pcan *p = step->data;
    const uint32_t *in = storage[step->inputs[0].tensor].data, *noise = storage[step->inputs[1].tensor].data;
    const int16_t *table = storage[step->inputs[2].tensor].data;
    uint32_t *out = storage[step->outputs[0].tensor].data;
    for (int64_t i = 0; i < p->channels; ++i) {
        out[i] = eq_pcan_value(in[i], noise[i], table, p->shift);
    }
}

eq_status eq_prepare_pcan(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_pcan p = {eq_tensor_elements(eq_plan_input(plan, op, 0)), eq_custom_int(op, "snr_shift", 0)};
    if (eq_tensor_elements(eq_plan_input(plan, op, 1)) != p.channels ||
        eq_tensor_elements(eq_plan_input(plan, op, 2)) < EQ_GAIN_VALUES || p.shift < 0 || p.shift > 63) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a noise for each channel, %d gains, and a shift of 0 to 63 places",
                            EQ_GAIN_VALUES);
    }
    return eq_signal_status(plan, append(plan, op, run_pcan, &p, sizeof p, EQ_UINT32));
}

/* ---- SignalFilterBankLog: scaled natural logarithms ---- */

typedef struct eq_signal_log {
    int64_t channels;
    eq_log_table table;
} eq_signal_log;

static void run_log(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_signal_log *l = step->data;
    const uint32_t *in = storage[step->inputs[0].tensor].data;
    int16_t *out = storage[step->outputs[0].tensor].data;
    for (int64_t i = 0; i < l->channels; ++i) {
        out[i] = eq_log_value(&l->table, in[i]);
    }
}

eq_status eq_prepare_filter_bank_log(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    eq_signal_log l = {.channels = eq_tensor_elements(eq_plan_input(plan, op, 0)),
                       .table = {.scale = (uint32_t)eq_custom_int(op, "output_scale", 0),
                                 .bits = eq_custom_int(op, "input_correction_bits", 0)}};
    if (l.table.bits < 0 || l.table.bits > 31) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "shifts by no 0 to 31 places");
    }
    eq_log_table_fill(&l.table);
    return eq_signal_status(plan, append(plan, op, run_log, &l, sizeof l, EQ_INT16));
}

EQ_CUSTOM_OPERATOR("SignalFilterBank", eq_prepare_filter_bank, UINT32, INT16);
EQ_CUSTOM_OPERATOR("SignalFilterBankSquareRoot", eq_prepare_filter_bank_square_root, UINT64, INT32);
EQ_CUSTOM_OPERATOR("SignalFilterBankSpectralSubtraction", eq_prepare_filter_bank_subtraction, UINT32);
EQ_CUSTOM_OPERATOR("SignalPCAN", eq_prepare_pcan, UINT32, UINT32, INT16);
EQ_CUSTOM_OPERATOR("SignalFilterBankLog", eq_prepare_filter_bank_log, UINT32);
