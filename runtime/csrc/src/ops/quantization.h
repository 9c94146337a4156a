/* Checks and parameters that the quantized operators share. */
#ifndef EQ_QUANTIZATION_H
#define EQ_QUANTIZATION_H

#include "plan/plan.h"

/* The schema's ActivationFunctionType; TANH and SIGN_BIT, which no converter fuses, are not supported. */
enum { EQ_ACTIVATION_NONE, EQ_ACTIVATION_RELU, EQ_ACTIVATION_RELU_N1_TO_1, EQ_ACTIVATION_RELU6 };

/* Fails unless the tensor is int8 (or uint8 in the file) with one scale. `what` names it: "the input". */
eq_status eq_check_int8(eq_plan *plan, const eq_operator *op, const eq_tensor *tensor, const char *what);

/* The same of int16. */
eq_status eq_check_int16(eq_plan *plan, const eq_operator *op, const eq_tensor *tensor, const char *what);

/* The quantized values that an activation leaves, by XNNPACK's rounding of its bounds. */
eq_status eq_activation_range(eq_plan *plan, const eq_operator *op, int32_t activation, const eq_tensor *output, int32_t *min,
                              int32_t *max);
/* By the rounding of LiteRT's own kernels, for int8 and int16. (CalculateActivationRangeQuantized) */
eq_status eq_activation_range_litert(eq_plan *plan, const eq_operator *op, int32_t activation, const eq_tensor *output,
                                     int32_t *min, int32_t *max);
/* The same for floats; infinite where there is no bound. */
eq_status eq_activation_range_float(eq_plan *plan, const eq_operator *op, int32_t activation, float *min, float *max);

#endif
