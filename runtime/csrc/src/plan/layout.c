/* The layout pass: which tensors carry padding around their images, so that convolutions need no checks at the borders.
 *
 * 1. Steps whose outputs nobody reads go, and copies from and to variables that nobody would miss (sharing.c).
 * 2. A tensor gets the halo that its readers want if every step that writes or reads it follows its strides. Otherwise, and
 *    for edges of the graph, constants, variables and aliased memory, a copy with the halo is made for those readers.
 * 3. The first step that writes the tensor fills the halo, with the zero point.
 */
#include <string.h>

#include "copy.h"
#include "base/memory.h"
#include "fill.h"
#include "plan.h"

static bool wants_halo(const eq_use *use) {
    return use->halo.top > 0 || use->halo.bottom > 0 || use->halo.left > 0 || use->halo.right > 0;
}

static int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static void widen(eq_halo *halo, const eq_halo *other) {
    halo->top = larger(halo->top, other->top);
    halo->bottom = larger(halo->bottom, other->bottom);
    halo->left = larger(halo->left, other->left);
    halo->right = larger(halo->right, other->right);
}

/* Columns between two rows: the right padding of one is the left padding of the next. */
static int32_t halo_columns(const eq_halo *halo) {
    return larger(halo->left, halo->right);
}

size_t eq_plan_tensor_bytes(const eq_plan_tensor *tensor) {
    const eq_tensor *t = &tensor->tensor;
    const eq_halo *halo = &tensor->halo;
    if (t->rank != 4) {
        return eq_size_times((size_t)eq_tensor_elements(t), (size_t)eq_type_size(t->type));
    }
    size_t rows = eq_size_times((size_t)t->dims[0], (size_t)t->dims[1] + (size_t)halo->top + (size_t)halo->bottom);
    size_t pixels = eq_size_times(rows, (size_t)t->dims[2] + (size_t)halo_columns(halo));
    size_t pixel = eq_size_times((size_t)t->dims[3], (size_t)eq_type_size(t->type));
    size_t bytes = eq_size_times(pixels, pixel);
    size_t ends = eq_size_times((size_t)halo->left + (size_t)halo->right, pixel);
    return bytes > SIZE_MAX - ends ? SIZE_MAX : bytes + ends;
}

eq_storage eq_plan_storage(const eq_plan_tensor *tensor, void *memory) {
    const eq_tensor *t = &tensor->tensor;
    if (t->rank != 4) {
        return (eq_storage){.data = memory};
    }
    ptrdiff_t pixel = (ptrdiff_t)t->dims[3] * eq_type_size(t->type);
    ptrdiff_t row = (t->dims[2] + (ptrdiff_t)halo_columns(&tensor->halo)) * pixel;
    ptrdiff_t first = tensor->halo.top * row + tensor->halo.left * pixel;
    return (eq_storage){
        .data = memory ? (uint8_t *)memory + first : NULL,
        .row_stride = row,
        .image_stride = (t->dims[1] + (ptrdiff_t)tensor->halo.top + tensor->halo.bottom) * row,
    };
}

/* ---- 1. steps that nobody needs ---- */

static eq_status drop_unread(eq_plan *plan) {
    bool *read = eq_plan_take(plan, (size_t)plan->tensor_count);
    if (!read) {
        return (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < plan->graph->output_count; ++i) {
        read[eq_plan_root(plan, plan->outputs[i])] = true;
    }
    int32_t kept = plan->step_count;
    for (int32_t s = plan->step_count - 1; s >= 0; --s) {
        eq_step *step = plan->steps[s];
        bool needed = false;
        for (int32_t i = 0; i < step->output_count; ++i) {
            int32_t root = eq_plan_root(plan, step->outputs[i].tensor);
            needed = needed || read[root] || plan->tensors[root].tensor.is_variable;
        }
        if (!needed) {
            continue;
        }
        for (int32_t i = 0; i < step->input_count; ++i) {
            if (step->inputs[i].tensor >= 0) {
                read[eq_plan_root(plan, step->inputs[i].tensor)] = true;
            }
        }
        plan->steps[--kept] = step;
    }
    if (kept == 0) {
        return EQ_OK; /* all are needed, or there are none and no memory for them */
    }
    memmove(plan->steps, plan->steps + kept, (size_t)(plan->step_count - kept) * sizeof *plan->steps);
    plan->step_count -= kept;
    return EQ_OK;
}

/* ---- 2. halos ---- */

typedef struct eq_layout {
    bool fixed;   /* the tensor must stay dense */
    eq_halo halo; /* the largest that a reader wants */
    int32_t copy; /* the copy with the halo, or -1 */
    bool filled;
} eq_layout;

/* Constants of the file may end where the file does, so a reader that wants slack gets a copy too. */
static bool needs_copy(const eq_plan *plan, const eq_layout *layouts, const eq_use *use) {
    if (use->tensor < 0 || !use->rows) {
        return false;
    }
    return plan->tensors[use->tensor].tensor.data || (wants_halo(use) && layouts[use->tensor].fixed);
}

static void find_fixed(const eq_plan *plan, eq_layout *layouts) {
    for (int32_t i = 0; i < plan->tensor_count; ++i) {
        const eq_plan_tensor *tensor = &plan->tensors[i];
        const eq_tensor *t = &tensor->tensor;
        layouts[i].copy = -1;
        layouts[i].fixed |= t->rank != 4 || t->data || t->is_variable;
        if (tensor->alias >= 0) {
            layouts[i].fixed = true;
            layouts[tensor->alias].fixed = true;
        }
    }
    for (int32_t i = 0; i < plan->graph->input_count; ++i) {
        layouts[plan->inputs[i]].fixed = true;
    }
    for (int32_t i = 0; i < plan->graph->output_count; ++i) {
        layouts[plan->outputs[i]].fixed = true;
    }
    for (int32_t s = 0; s < plan->step_count; ++s) {
        const eq_step *step = plan->steps[s];
        for (int32_t i = 0; i < step->input_count; ++i) {
            if (step->inputs[i].tensor >= 0) {
                layouts[step->inputs[i].tensor].fixed |= !step->inputs[i].rows;
                widen(&layouts[step->inputs[i].tensor].halo, &step->inputs[i].halo);
            }
        }
        for (int32_t i = 0; i < step->output_count; ++i) {
            layouts[step->outputs[i].tensor].fixed |= !step->outputs[i].rows;
        }
    }
}

/* ---- 3. filling ---- */

static eq_status fill_with_first_write(eq_plan *plan, eq_layout *layouts, eq_step *step) {
    for (int32_t i = 0; i < step->output_count; ++i) {
        int32_t tensor = step->outputs[i].tensor;
        eq_use whole = {.halo = plan->tensors[tensor].halo};
        if (!wants_halo(&whole) || layouts[tensor].filled) {
            continue;
        }
        layouts[tensor].filled = true;
        eq_status status = eq_plan_fill(plan, step, tensor);
        if (status != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}

/* Make the copy that a reader needs, once for all readers. */
static eq_status copy_before_read(eq_plan *plan, eq_layout *layouts, eq_use *use) {
    if (!needs_copy(plan, layouts, use)) {
        return EQ_OK;
    }
    eq_layout *layout = &layouts[use->tensor];
    if (layout->copy < 0) {
        const eq_tensor *source = &plan->tensors[use->tensor].tensor;
        int32_t copy = eq_plan_temporary(plan, source->type, source->rank, source->dims);
        if (copy < 0) {
            return (eq_status)plan->error->status;
        }
        eq_tensor *made = &plan->tensors[copy].tensor;
        made->scale_count = source->scale_count;
        made->scales = source->scales;
        made->zero_points = source->zero_points;
        plan->tensors[copy].halo = source->rank == 4 ? layout->halo : (eq_halo){0};
        layouts[copy].copy = -1;
        layout->copy = copy;
        const int32_t before = plan->step_count;
        eq_status status = eq_plan_copy(plan, NULL, use->tensor, copy);
        if (status == EQ_OK && plan->step_count > before) {
            status = fill_with_first_write(plan, layouts, plan->steps[before]);
        }
        if (status != EQ_OK) {
            return status;
        }
    }
    use->tensor = layout->copy;
    return EQ_OK;
}

/* Room for one copy of every tensor. */
static eq_status make_room(eq_plan *plan) {
    size_t capacity = eq_size_times((size_t)plan->tensor_count, 2);
    eq_plan_tensor *tensors = capacity > INT32_MAX ? NULL : eq_plan_take(plan, eq_size_times(capacity, sizeof *tensors));
    if (!tensors) {
        return (eq_status)plan->error->status;
    }
    memcpy(tensors, plan->tensors, (size_t)plan->tensor_count * sizeof *tensors);
    plan->tensors = tensors;
    plan->tensor_capacity = (int32_t)capacity;
    return EQ_OK;
}

eq_status eq_plan_layout(eq_plan *plan) {
    eq_status status = drop_unread(plan);
    if (status == EQ_OK) {
        eq_plan_share_variables(plan);
        status = make_room(plan);
    }
    eq_layout *layouts =
        status == EQ_OK ? eq_plan_take(plan, eq_size_times((size_t)plan->tensor_capacity, sizeof *layouts)) : NULL;
    if (!layouts) {
        return (eq_status)plan->error->status;
    }
    find_fixed(plan, layouts);
    for (int32_t i = 0; i < plan->tensor_count; ++i) {
        if (!layouts[i].fixed) {
            plan->tensors[i].halo = layouts[i].halo;
        }
    }
    eq_step **steps = plan->steps;
    int32_t count = plan->step_count;
    plan->steps = NULL;
    plan->step_count = plan->step_capacity = 0;
    for (int32_t s = 0; s < count; ++s) {
        for (int32_t i = 0; status == EQ_OK && i < steps[s]->input_count; ++i) {
            status = copy_before_read(plan, layouts, &steps[s]->inputs[i]);
        }
        if (status == EQ_OK) {
            status = fill_with_first_write(plan, layouts, steps[s]);
        }
        if (status == EQ_OK) {
            status = eq_plan_append(plan, steps[s]);
        }
        if (status != EQ_OK) {
            return status;
        }
    }
    return EQ_OK;
}
