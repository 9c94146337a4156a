/* The variables of streaming models, which keep their values from one run to the next: tensors that are marked so in the
 * file, and those behind the handles of VAR_HANDLE, which are known by their names. */
#ifndef EQ_VARIABLES_H
#define EQ_VARIABLES_H

#include "read/flatbuffer.h"
#include "plan.h"

typedef struct eq_variable {
    eq_vector container, name;
    int32_t tensor;      /* of the plan */
    const void *initial; /* what CALL_ONCE assigns; NULL: zeros */
    struct eq_variable *next;
} eq_variable;

/* Whether this is a handle of a variable where `op` may have one: such tensors have no values. */
bool eq_is_variable_handle(const eq_operator *op, const eq_tensor *tensor);

/* The variable behind a handle of `graph`; made if it is new, in the likeness of `like`. NULL: error written. */
eq_variable *eq_plan_variable(eq_plan *plan, const eq_operator *op, const eq_graph *graph, int32_t handle,
                              const eq_tensor *like);

/* Give variables among the first `count` tensors of the plan their initial values; the main graph's are before those behind handles. */
void eq_plan_reset_variables(eq_plan *plan, const eq_storage *storage, int32_t count);

#endif
