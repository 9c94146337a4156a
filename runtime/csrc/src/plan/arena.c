/* The memory planner: tensors that do not live at the same time share memory.
 *
 * Greedy by size (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020): the largest tensors are
 * placed first, each in the smallest gap between those placed before that live at the same time. */
#include <stdlib.h>

#include "base/memory.h"
#include "plan.h"

enum { EQ_PLACED_TOGETHER = 8192 }; /* beyond that many tensors the search would take too long: each has its own memory */

typedef struct eq_block {
    int32_t tensor, first, last; /* steps in which the tensor lives */
    size_t bytes, offset;
} eq_block;

static size_t rounded(size_t bytes) {
    return bytes > SIZE_MAX - 2 * EQ_SLACK ? SIZE_MAX : (bytes + EQ_SLACK + 63) / 64 * 64;
}

static void touch(const eq_plan *plan, eq_block *blocks, int32_t tensor, int32_t step) {
    if (tensor >= 0) {
        eq_block *block = &blocks[eq_plan_root(plan, tensor)];
        block->first = block->first < 0 || step < block->first ? step : block->first;
        block->last = step > block->last ? step : block->last;
    }
}

static void find_lifetimes(const eq_plan *plan, eq_block *blocks) {
    for (int32_t i = 0; i < plan->tensor_count; ++i) {
        blocks[i] = (eq_block){.tensor = i, .first = -1, .last = -1};
    }
    for (int32_t s = 0; s < plan->step_count; ++s) {
        const eq_step *step = plan->steps[s];
        for (int32_t i = 0; i < step->input_count; ++i) {
            touch(plan, blocks, step->inputs[i].tensor, s);
        }
        for (int32_t i = 0; i < step->output_count; ++i) {
            touch(plan, blocks, step->outputs[i].tensor, s);
        }
    }
    /* Inputs keep their values over a run, so that it can be repeated; outputs are valid until the next. */
    for (int32_t i = 0; i < plan->graph->input_count; ++i) {
        touch(plan, blocks, plan->inputs[i], 0);
        touch(plan, blocks, plan->inputs[i], plan->step_count);
    }
    for (int32_t i = 0; i < plan->graph->output_count; ++i) {
        touch(plan, blocks, plan->outputs[i], 0);
        touch(plan, blocks, plan->outputs[i], plan->step_count);
    }
    for (int32_t i = 0; i < plan->tensor_count; ++i) {
        if (plan->tensors[i].tensor.is_variable) {
            touch(plan, blocks, i, 0);
            touch(plan, blocks, i, plan->step_count);
        }
    }
}

static int by_size(const void *a, const void *b) {
    const eq_block *x = a, *y = b;
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? 1 : -1;
    }
    return x->tensor < y->tensor ? -1 : 1;
}

/* The smallest gap that holds `block` between the blocks before it, which are in the order of their offsets. */
static size_t find_gap(const eq_block *block, eq_block *const *placed, int32_t count) {
    size_t end = 0, best = SIZE_MAX, best_gap = SIZE_MAX;
    for (int32_t i = 0; i < count; ++i) {
        if (placed[i]->last < block->first || placed[i]->first > block->last) {
            continue;
        }
        if (placed[i]->offset > end && placed[i]->offset - end >= block->bytes && placed[i]->offset - end < best_gap) {
            best_gap = placed[i]->offset - end;
            best = end;
        }
        size_t placed_end = placed[i]->offset + placed[i]->bytes;
        end = placed_end > end ? placed_end : end;
    }
    return best == SIZE_MAX ? end : best;
}

static size_t place(eq_block *blocks, int32_t count, eq_block **placed) {
    size_t total = 0;
    for (int32_t i = 0; i < count; ++i) {
        eq_block *block = &blocks[i];
        block->offset = count > EQ_PLACED_TOGETHER ? total : find_gap(block, placed, i);
        if (block->bytes > SIZE_MAX / 2 - block->offset) {
            return SIZE_MAX;
        }
        size_t end = block->offset + block->bytes;
        total = end > total ? end : total;
        int32_t at = i;
        for (; at > 0 && count <= EQ_PLACED_TOGETHER && placed[at - 1]->offset > block->offset; --at) {
            placed[at] = placed[at - 1];
        }
        placed[at] = block;
    }
    return total;
}

void eq_plan_place(const eq_plan *plan, const size_t *offsets, uint8_t *arena, eq_storage *storage) {
    for (int32_t i = 0; i < plan->tensor_count; ++i) {
        const int32_t root = eq_plan_root(plan, i);
        const void *constant = plan->tensors[root].tensor.data;
        /* The storage of a constant is only read. */
        void *memory = constant ? (void *)(uintptr_t)constant : arena + offsets[root];
        storage[i] = eq_plan_storage(&plan->tensors[i], memory);
    }
}

size_t eq_plan_most_scratch(const eq_plan *plan) {
    size_t most = 0;
    for (int32_t s = 0; s < plan->step_count; ++s) {
        most = plan->steps[s]->scratch > most ? plan->steps[s]->scratch : most;
    }
    return most > SIZE_MAX / 2 ? SIZE_MAX : (most + 63) / 64 * 64;
}

size_t eq_plan_arena(eq_plan *plan, size_t *offsets) {
    eq_block *blocks = eq_plan_take(plan, eq_size_times((size_t)plan->tensor_count, sizeof *blocks));
    eq_block **placed = eq_plan_take(plan, eq_size_times((size_t)plan->tensor_count, sizeof *placed));
    if (!blocks || !placed) {
        return SIZE_MAX;
    }
    find_lifetimes(plan, blocks);
    int32_t count = 0;
    for (int32_t i = 0; i < plan->tensor_count; ++i) {
        if (blocks[i].first >= 0 && plan->tensors[i].alias < 0 && !plan->tensors[i].tensor.data) {
            blocks[count] = blocks[i];
            blocks[count].bytes = rounded(eq_plan_tensor_bytes(&plan->tensors[i]));
            if (blocks[count].bytes == SIZE_MAX) {
                return SIZE_MAX;
            }
            ++count;
        }
    }
    qsort(blocks, (size_t)count, sizeof *blocks, by_size);
    size_t total = place(blocks, count, placed);
    for (int32_t i = 0; i < count; ++i) {
        offsets[blocks[i].tensor] = blocks[i].offset;
    }
    return total;
}
