/* The numbers of the schema's operators: EQ_OP_CONV_2D and all others. */
#ifndef EQ_OPERATOR_CODES_H
#define EQ_OPERATOR_CODES_H

#include <stdint.h>

enum {
#define EQ_CODE(code, name, options) EQ_OP_##name = code,
#include "operator_codes.inc"
#undef EQ_CODE
};

/* The schema's name of a code, such as "CONV_2D"; codes of newer schemas have none. */
const char *eq_operator_name(int32_t code);
/* The type of the table of options (BuiltinOptions) that an operator of this code has; 0: none, or any. */
int32_t eq_operator_options_type(int32_t code);

#endif
