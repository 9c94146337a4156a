#include "activation.h"

#include "arithmetic/functions_f32.h"
#include "ops/quantization.h"

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
