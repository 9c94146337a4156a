/* How TensorFlow's converter writes an element into a list of a loop: SLICE of what is before it, SLICE of what is behind, and
 * CONCATENATION of the two around the element. How long the two are is known only in a run, that all three are the list is known now. */
#ifndef EQ_LIST_H
#define EQ_LIST_H

#include "plan/number.h"

/* Elements `begin` to `end` - 1 along the axis of the tensor `source`, and all of its other axes. */
typedef struct eq_part {
    int32_t source, axis;
    eq_number begin, end;
} eq_part;

/* Make the operator's output that part of its first input; only CONCATENATION takes it. */
eq_status eq_list_part(eq_plan *plan, const eq_operator *op, const eq_part *part);
/* Whether CONCATENATION has such a part among its inputs. */
bool eq_list_has_parts(const eq_plan *plan, const eq_operator *op);
/* CONCATENATION along `axis` of the list's beginning, an element, and the list's end. */
eq_status eq_list_update(eq_plan *plan, const eq_operator *op, int32_t axis);

#endif
