/* FAKE_QUANT: the nearest of 2^bits numbers that are equally far apart, from about `min` to about `max`, one of them 0; float32, in
 * the roundings of LiteRT. (reference/fake_quant.h) */
#include <math.h>

#include "ops/elementwise/elements.h"
#include "plan/operator.h"

typedef struct eq_steps {
    float scale, min, max;
} eq_steps;

static void run_fake_quant(const void *data, const void *from, void *to, size_t n) {
    const eq_steps *s = data;
    const float inverse = 1.0f / s->scale;
    for (size_t i = 0; i < n; ++i) {
        const float x = ((const float *)from)[i];
        const float clamped = fminf(s->max, fmaxf(s->min, x));
        ((float *)to)[i] = roundf((clamped - s->min) * inverse) * s->scale + s->min;
    }
}

eq_status eq_prepare_fake_quant(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const float min = eq_option_float(op, 0, 0), max = eq_option_float(op, 1, 0);
    const int32_t bits = eq_option_int(op, 2, 0);
    if (eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output must be float32");
    }
    if (bits < 2 || bits > 16 || !(min <= 0 && max >= 0 && min < max) || !isfinite(max - min)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs 2 to 16 bits and a range with 0 in it");
    }
    if (eq_option_bool(op, 3, false)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has a narrow range, which is for weights alone");
    }
    const float highest = (float)((1 << bits) - 1);
    eq_steps s = {.scale = (max - min) / highest};
    const float zero = fminf(fmaxf(roundf(-min / s.scale), 0), highest);
    s.min = (0 - zero) * s.scale;
    s.max = (highest - zero) * s.scale;
    return eq_elements_step(plan, op, run_fake_quant, &s, sizeof s);
}

EQ_OPERATOR(FAKE_QUANT, eq_prepare_fake_quant, FLOAT32);
EQ_OPERATOR_NOTE(FAKE_QUANT, "float32 only");
