#include "activation.h"

#include "arithmetic/portable_math.h"
#include "ops/quantization.h"

enum { ACTIVATION_TANH = 4 };

eq_status eq_recurrent_activation_read(eq_plan *plan, const eq_operator *op, int32_t code,
                                       eq_recurrent_activation *activation) {
    *activation = (eq_recurrent_activation){.tanh = code == ACTIVATION_TANH};
    return activation->tanh ? EQ_OK : eq_activation_range_float(plan, op, code, &activation->min, &activation->max);
}

float eq_activate(const eq_recurrent_activation *activation, float x) {
    if (activation->tanh) {
        return (float)eq_tanh((double)x);
    }
    x = x < activation->min ? activation->min : x;
    return x > activation->max ? activation->max : x;
}

float eq_logistic(float x) {
    return (float)(1 / (1 + eq_exp(-(double)x)));
}
