/* REAL, IMAG and COMPLEX_ABS: one float32 of each complex64 number. */
#include <math.h>

#include "plan/operator.h"

typedef struct eq_parts {
    int64_t elements;
    int32_t code;
} eq_parts;

static void run_parts(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_parts *p = step->data;
    const float *in = storage[step->inputs[0].tensor].data;
    float *out = storage[step->outputs[0].tensor].data;
    for (int64_t i = 0; i < p->elements; ++i) {
        const double real = (double)in[2 * i], imaginary = (double)in[2 * i + 1];
        out[i] = p->code == EQ_OP_REAL   ? in[2 * i]
                 : p->code == EQ_OP_IMAG ? in[2 * i + 1]
                                         : (float)sqrt(real * real + imaginary * imaginary);
    }
}

eq_status eq_prepare_complex_parts(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0);
    if (eq_plan_output(plan, op, 0)->type != EQ_FLOAT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output must be float32");
    }
    if ((status = eq_plan_shape(plan, op, 0, in->rank, in->dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_parts, sizeof(eq_parts), 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_parts *)step->data = (eq_parts){.elements = eq_tensor_elements(in), .code = op->code};
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)eq_tensor_elements(in);
    step->plain = true;
    return EQ_OK;
}

EQ_OPERATOR(REAL, eq_prepare_complex_parts, COMPLEX64);
EQ_OPERATOR(IMAG, eq_prepare_complex_parts, COMPLEX64);
EQ_OPERATOR(COMPLEX_ABS, eq_prepare_complex_parts, COMPLEX64);
