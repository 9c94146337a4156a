/* Which line of the operators' table fits an operator and the types of its inputs. */
#include "operator.h"

#include <string.h>

#include "custom.h"

static bool is_same_operator(const eq_operator_row *row, const eq_operator *op) {
    return row->code == op->code && (op->code != EQ_OP_CUSTOM || strcmp(eq_custom_names + row->custom, op->custom) == 0);
}

/* How many of the first inputs' types the line fits before one that it does not, all being EQ_ROW_TYPES. */
static int32_t fitting(const eq_plan *plan, const eq_operator *op, const eq_operator_row *row) {
    int32_t slot = 0;
    for (; slot < EQ_ROW_TYPES; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        if (row->types[slot] != EQ_ANY && (!tensor || (int32_t)tensor->type != row->types[slot])) {
            break;
        }
    }
    return slot;
}

static int32_t named_types(const eq_operator_row *row) {
    int32_t count = 0;
    for (int32_t slot = 0; slot < EQ_ROW_TYPES; ++slot) {
        count += row->types[slot] != EQ_ANY;
    }
    return count;
}

/* Where customs run whose names begin so, and what to do instead. */
static const char *elsewhere_of(const eq_operator *op) {
    static const struct {
        const char *beginning, *sentence;
    } known[] = {
        {"edgetpu-custom-op", "compiled for Google's Edge TPU, and run there alone: take the model from before that"},
        {"ethos-u", "compiled for Arm's Ethos-U, and run there alone: take the model from before that"},
        {"Flex", "of TensorFlow: convert without SELECT_TF_OPS"},
    };
    for (size_t i = 0; op->custom && i < sizeof known / sizeof *known; ++i) {
        if (strncmp(op->custom, known[i].beginning, strlen(known[i].beginning)) == 0) {
            return known[i].sentence;
        }
    }
    return NULL;
}

eq_status eq_plan_find_operator(eq_plan *plan, const eq_operator *op, const eq_operator_row **found) {
    static const eq_operator_row custom = {EQ_OP_CUSTOM, 0, EQ_PREPARE_CUSTOM, {EQ_ANY, EQ_ANY, EQ_ANY}};
    if (eq_plan_custom_operator(plan, op)) {
        *found = &custom;
        return EQ_OK;
    }
    int32_t nearest = -1; /* the most types that a line of the operator fits */
    *found = NULL;
    for (int32_t i = 0; i < eq_operator_row_count; ++i) {
        const eq_operator_row *row = &eq_operator_rows[i];
        if (!is_same_operator(row, op)) {
            continue;
        }
        const int32_t fits = fitting(plan, op, row);
        nearest = fits > nearest ? fits : nearest;
        if (fits == EQ_ROW_TYPES && (!*found || named_types(row) > named_types(*found))) {
            *found = row;
        }
    }
    if (*found) {
        return EQ_OK;
    }
    if (nearest < 0 && elsewhere_of(op)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "not an operator of this engine, but %s", elsewhere_of(op));
    }
    if (nearest < 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "not an operator of this %s%s",
                            *eq_left_out ? "build of the engine, which leaves out " : "engine", eq_left_out);
    }
    const eq_tensor *tensor = eq_plan_input(plan, op, nearest);
    if (!tensor) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "lacks its input %d", (int)nearest);
    }
    return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take an input %d of type %s%s%s", (int)nearest,
                        eq_type_name(tensor->type), *eq_left_out ? "; this build of the engine leaves out " : "", eq_left_out);
}
