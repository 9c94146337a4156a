#include "activation.h"

#include "arithmetic/functions_f32.h"
#include "ops/quantization.h"
#include "read/operator_codes.h"

enum { ACTIVATION_TANH = 4 };

eq_status eq_recurrent_activation_read(eq_plan *plan, const eq_operator *op, int32_t code,
                                       eq_recurrent_activation *activation) {
    *activation = (eq_recurrent_activation){.tanh = code == ACTIVATION_TANH};
    return activation->tanh ? EQ_OK : eq_activation_range_float(plan, op, code, &activation->min, &activation->max);
}

float eq_activate(const eq_recurrent_activation *activation, float x) {
    if (activation->tanh) {
        return eq_tanh_f32(x);
    }
    x = x < activation->min ? activation->min : x;
    return x > activation->max ? activation->max : x;
}

static void apply(const eq_kernels *kernels, int32_t code, float *values, int32_t n) {
    const eq_unary_f32 function = {.code = code};
    (void)kernels->unary_f32(&function, values, values, (size_t)n);
}

void eq_activate_all(const eq_kernels *kernels, const eq_recurrent_activation *activation, float *values, int32_t n) {
    if (activation->tanh) {
        apply(kernels, EQ_OP_TANH, values, n);
        return;
    }
    for (int32_t i = 0; i < n; i++) {
        values[i] = eq_activate(activation, values[i]);
    }
}

void eq_logistic_all(const eq_kernels *kernels, float *values, int32_t n) {
    apply(kernels, EQ_OP_LOGISTIC, values, n);
}
