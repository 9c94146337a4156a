/* SOFTMAX and LOG_SOFTMAX of float32: values are added in their order, so a sum cannot be split. docs/arithmetic.md has the formulas. */
#include "arithmetic/functions_f32.h"
#include "plan/operator.h"
#include "softmax.h"

/* Exponentials in a loop of their own turn into vector code. */
static void float_row(const eq_softmax *s, const float *in, float *out) {
    const int32_t depth = s->depth;
    const float beta = s->beta;
    float largest = in[0], sum = 0;
    for (int32_t i = 1; i < depth; i++) {
        largest = in[i] > largest ? in[i] : largest;
    }
    for (int32_t i = 0; i < depth; i++) {
        out[i] = eq_exp_f32((in[i] - largest) * beta);
    }
    for (int32_t i = 0; i < depth; i++) {
        sum += out[i];
    }
    for (int32_t i = 0; i < depth; i++) {
        out[i] = out[i] / sum;
    }
}

static void log_float_row(const eq_softmax *s, const float *in, float *out) {
    float largest = in[0], sum = 0;
    for (int32_t i = 1; i < s->depth; i++) {
        largest = in[i] > largest ? in[i] : largest;
    }
    for (int32_t i = 0; i < s->depth; i++) {
        out[i] = in[i] - largest;
        sum += eq_exp_f32(out[i]);
    }
    const float log_sum = eq_log_f32(sum);
    for (int32_t i = 0; i < s->depth; i++) {
        out[i] = out[i] - log_sum;
    }
}

static void run_float(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_softmax *s = step->data;
    const float *in = storage[step->inputs[0].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    for (int32_t row = first; row < last; row++) {
        const size_t at = (size_t)row * (size_t)s->depth;
        (s->logarithm ? log_float_row : float_row)(s, in + at, out + at);
    }
}

eq_status eq_prepare_softmax_f32(eq_plan *plan, const eq_operator *op) {
    if (eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives what it takes: float32");
    }
    eq_step *step = eq_softmax_step(plan, op, run_float, sizeof(eq_softmax));
    if (!step) {
        return (eq_status)plan->error->status;
    }
    step->floats = true;
    return EQ_OK;
}

EQ_OPERATOR(SOFTMAX, eq_prepare_softmax_f32, FLOAT32);
EQ_OPERATOR(LOG_SOFTMAX, eq_prepare_softmax_f32, FLOAT32);
EQ_OPERATOR_FLOAT16(SOFTMAX);
