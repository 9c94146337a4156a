/* What the engine does not run, all of it in one sentence. */
#include <stdio.h>
#include <string.h>

#include "pass.h"

/* Operators that cannot run for the same reason. */
struct eq_refusal {
    const char *name; /* of the operators */
    int32_t first, count;
    struct eq_refusal *next;
    char reason[];
};

eq_status eq_plan_refuse(eq_plan *plan, const eq_operator *op, eq_refusal **refusals) {
    char before[512]; /* as eq_plan_fail begins */
    const int length = snprintf(before, sizeof before, "%s (operator %d): ", op->name, (int)op->index);
    const char *reason = plan->error->message;
    if (length > 0 && (size_t)length < sizeof before && strncmp(reason, before, (size_t)length) == 0) {
        reason += length;
    }
    while (*refusals && (strcmp((*refusals)->name, op->name) != 0 || strcmp((*refusals)->reason, reason) != 0)) {
        refusals = &(*refusals)->next;
    }
    if (!*refusals) {
        eq_refusal *made = eq_plan_take(plan, sizeof *made + strlen(reason) + 1);
        if (!made) {
            return (eq_status)plan->error->status;
        }
        *made = (eq_refusal){.name = op->name, .first = op->index};
        strcpy(made->reason, reason);
        *refusals = made;
    }
    (*refusals)->count += 1;
    return EQ_OK;
}

eq_status eq_plan_tell_refusals(eq_plan *plan, const eq_refusal *refusals) {
    char text[sizeof plan->error->message], item[sizeof text];
    size_t length = 0;
    for (const eq_refusal *r = refusals; r; r = r->next) {
        const char *between = r == refusals ? "" : "; ";
        int size = r->count == 1
                       ? snprintf(item, sizeof item, "%s%.100s (operator %d): %s", between, r->name, (int)r->first, r->reason)
                       : snprintf(item, sizeof item, "%s%.100s (%d of them, the first is operator %d): %s", between, r->name,
                                  (int)r->count, (int)r->first, r->reason);
        if (size < 0 || length + (size_t)size + sizeof "; and 2147483647 more kinds" > sizeof text) {
            int32_t kinds = 0;
            for (; r; r = r->next) {
                ++kinds;
            }
            snprintf(text + length, sizeof text - length, "%sand %d more kind%s", between, (int)kinds, kinds == 1 ? "" : "s");
            break;
        }
        memcpy(text + length, item, (size_t)size + 1);
        length += (size_t)size;
    }
    return eq_fail(plan->error, EQ_ERROR_UNSUPPORTED, "%s", text);
}
