/* TensorFlow Lite Micro's transforms of int16, int32 and float32: SignalRfft, from rows of numbers to pairs of real and imaginary
 * parts, and SignalIrfft, back. (tflite-micro, signal/src/rfft*, irfft*) */
#include <string.h>

#include "arithmetic/real_fft.h"
#include "ops/custom_options.h"
#include "plan/operator.h"
#include "signal_step.h"

enum { LONGEST = 1 << 20 };

typedef struct eq_signal_fft {
    eq_fft_fn run;
    int32_t given, length; /* numbers of a row that are given, and that are transformed: the rest is 0 */
    int32_t size;          /* bytes of a number */
    const void *factors;
} eq_signal_fft;

static void run_forward(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_signal_fft *f = step->data;
    const size_t given = (size_t)f->given * f->size, row = (size_t)f->length * f->size, result = row + 2 * (size_t)f->size;
    const uint8_t *in = (const uint8_t *)storage[step->inputs[0].tensor].data + first * given;
    uint8_t *out = (uint8_t *)storage[step->outputs[0].tensor].data + first * result, *filled = scratch;
    for (int32_t unit = first; unit < last; ++unit, in += given, out += result) {
        memcpy(filled, in, given);
        memset(filled + given, 0, row - given);
        f->run(filled, f->length, f->factors, filled + row, out);
    }
}

static void run_inverse(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_signal_fft *f = step->data;
    const size_t row = (size_t)f->length * f->size, given = row + 2 * (size_t)f->size;
    const uint8_t *in = (const uint8_t *)storage[step->inputs[0].tensor].data + first * given;
    uint8_t *out = (uint8_t *)storage[step->outputs[0].tensor].data + first * row;
    for (int32_t unit = first; unit < last; ++unit, in += given, out += row) {
        f->run(in, f->length, f->factors, scratch, out);
    }
}

typedef struct eq_fft_kind {
    void (*factors)(int32_t length, bool inverse, void *factors);
    eq_fft_fn forward, inverse;
} eq_fft_kind;

static const eq_fft_kind kind_s16 = {eq_fft_s16_factors, eq_fft_s16_forward, eq_fft_s16_inverse};
static const eq_fft_kind kind_s32 = {eq_fft_s32_factors, eq_fft_s32_forward, eq_fft_s32_inverse};
static const eq_fft_kind kind_f32 = {eq_fft_f32_factors, eq_fft_f32_forward, eq_fft_f32_inverse};

static const eq_fft_kind *kind_of(eq_type type) {
    return type == EQ_INT16 ? &kind_s16 : type == EQ_INT32 ? &kind_s32 : &kind_f32;
}

static eq_status prepare(eq_plan *plan, const eq_operator *op, bool inverse) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    const eq_fft_kind *kind = kind_of(in->type);
    eq_signal_fft f = {.run = inverse ? kind->inverse : kind->forward,
                       .given = eq_signal_length(in),
                       .length = eq_custom_int(op, "fft_length", 0),
                       .size = (int32_t)eq_type_size(in->type)};
    const bool fits = inverse ? f.given == (int64_t)f.length + 2 : f.given <= f.length;
    if (f.length < 4 || f.length > LONGEST || (f.length & (f.length - 1)) != 0 || !fits) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "transforms %d of %d values; it takes powers of two from 4 on, %s",
                            (int)f.given, (int)f.length,
                            inverse ? "and pairs for half of them and one" : "not less than the input's");
    }
    if ((status = eq_signal_output(plan, op, 0, in->type, inverse ? f.length : f.length + 2)) != EQ_OK) {
        return status;
    }
    void *factors = eq_plan_take(plan, (size_t)f.length * 2 * f.size);
    if (!factors) {
        return (eq_status)plan->error->status;
    }
    kind->factors(f.length, inverse, factors);
    f.factors = factors;
    eq_step *step = eq_signal_rows(plan, op, inverse ? run_inverse : run_forward, &f, sizeof f);
    if (step) {
        step->scratch = (size_t)f.length * 2 * f.size;
        step->cost *= 16;
    }
    return eq_signal_status(plan, step);
}

eq_status eq_prepare_signal_rfft(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, false);
}

eq_status eq_prepare_signal_irfft(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, true);
}

EQ_CUSTOM_OPERATOR("SignalRfft", eq_prepare_signal_rfft, INT16);
EQ_CUSTOM_OPERATOR("SignalRfft", eq_prepare_signal_rfft, INT32);
EQ_CUSTOM_OPERATOR("SignalRfft", eq_prepare_signal_rfft, FLOAT32);
EQ_CUSTOM_OPERATOR("SignalIrfft", eq_prepare_signal_irfft, INT16);
EQ_CUSTOM_OPERATOR("SignalIrfft", eq_prepare_signal_irfft, INT32);
EQ_CUSTOM_OPERATOR("SignalIrfft", eq_prepare_signal_irfft, FLOAT32);
EQ_CUSTOM_OPERATOR_NOTE("SignalRfft", "lengths of powers of two");
EQ_CUSTOM_OPERATOR_NOTE("SignalIrfft", "lengths of powers of two");
