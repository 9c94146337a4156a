/* The operators that the engine runs. */
#ifndef EQ_TABLE_H
#define EQ_TABLE_H

#include "plan/plan.h"

typedef struct eq_operator_type {
    int32_t code; /* BuiltinOperator of the schema */
    const char *name;
    eq_prepare_fn prepare;
} eq_operator_type;

/* NULL if the engine does not run that operator. */
const eq_operator_type *eq_operator_type_of(int32_t code);

#endif
