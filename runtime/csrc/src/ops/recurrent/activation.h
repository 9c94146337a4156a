/* The fused activations of recurrent operators, which may be tanh too. */
#ifndef EQ_RECURRENT_ACTIVATION_H
#define EQ_RECURRENT_ACTIVATION_H

#include "plan/plan.h"

typedef struct eq_recurrent_activation {
    bool tanh;
    float min, max; /* if it is no tanh */
} eq_recurrent_activation;

eq_status eq_recurrent_activation_read(eq_plan *plan, const eq_operator *op, int32_t code, eq_recurrent_activation *activation);
float eq_activate(const eq_recurrent_activation *activation, float x);

/* `n` values in place, in the kernels' vector code; the logistic function is that of gates. */
void eq_activate_all(const eq_kernels *kernels, const eq_recurrent_activation *activation, float *values, int32_t n);
void eq_logistic_all(const eq_kernels *kernels, float *values, int32_t n);

#endif
