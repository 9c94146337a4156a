/* REAL, IMAG and COMPLEX_ABS: one float32 of each complex64 number. */
#include <math.h>

#include "ops/elementwise/elements.h"
#include "plan/operator.h"

#define PART(name, expression)                                                 \
    static void name(const void *data, const void *from, void *to, size_t n) { \
        const float *in = from;                                                \
        float *out = to;                                                       \
        (void)data;                                                            \
        for (size_t i = 0; i < n; ++i) {                                       \
            const float re = in[2 * i], im = in[2 * i + 1];                    \
            out[i] = (expression);                                             \
        }                                                                      \
    }

PART(real_part, ((void)im, re))
PART(imaginary_part, ((void)re, im))
PART(absolute, (float)sqrt((double)re *(double)re + (double)im * (double)im))

eq_status eq_prepare_complex_parts(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    if (eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output must be float32");
    }
    const eq_elements_fn part = op->code == EQ_OP_REAL ? real_part : op->code == EQ_OP_IMAG ? imaginary_part : absolute;
    status = eq_elements_step(plan, op, part, NULL, 0);
    if (status == EQ_OK) {
        plan->steps[plan->step_count - 1]->slow = true;
    }
    return status;
}

EQ_OPERATOR(REAL, eq_prepare_complex_parts, COMPLEX64);
EQ_OPERATOR(IMAG, eq_prepare_complex_parts, COMPLEX64);
EQ_OPERATOR(COMPLEX_ABS, eq_prepare_complex_parts, COMPLEX64);
