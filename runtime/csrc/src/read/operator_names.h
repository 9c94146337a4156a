#ifndef EQ_OPERATOR_NAMES_H
#define EQ_OPERATOR_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* The schema's name of a BuiltinOperator, such as "CONV_2D"; codes of newer schemas have none. */
const char *eq_operator_name(int32_t code);

#endif
