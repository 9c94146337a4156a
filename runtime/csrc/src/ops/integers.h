/* Integers of any type, one by one: for operators in which models spend little time. A loop for each type is several times the code. */
#ifndef EQ_INTEGERS_H
#define EQ_INTEGERS_H

#include "read/model.h"

/* Whether the two functions have the type: int8 to int64, uint8 to uint32, bool and unpacked int4. */
bool eq_is_integer(eq_type type);
/* Value `i` of a tensor; of bool 0 or 1. */
int64_t eq_integer_at(eq_type type, const void *values, size_t i);
/* Write value `i`: its low bits, for bool whether it is not 0. */
void eq_put_integer(eq_type type, void *values, size_t i, int64_t value);

#endif
