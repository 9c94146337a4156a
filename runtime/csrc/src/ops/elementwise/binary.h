/* Elementwise operators of two inputs. */
#ifndef EQ_BINARY_H
#define EQ_BINARY_H

#include "broadcast.h"

/* The fused activation of ADD, SUB, MUL and DIV; none for the others. */
int32_t eq_binary_activation(const eq_operator *op);

/* How the inputs of such an operator broadcast; fails unless all its tensors have one type. */
eq_status eq_binary_shape(eq_plan *plan, const eq_operator *op, eq_broadcast *shape);
/* What runs the operator on int8 tensors (quantized_binary.c). */
eq_status eq_quantized_binary(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, eq_binary *binary);

#endif
