/* NON_MAX_SUPPRESSION_V4 and V5: boxes (n, 4), two opposite corners each, and scores (n) -> the indices of boxes that stay, the best
 * first, V5 also their scores, and how many; zeros fill the rest. A box that overlaps one that stayed by iou_threshold or more goes; in
 * V5 its score shrinks by exp(-0.5 / sigma * overlap^2) for each, if sigma is positive. The output's size is a constant, the
 * thresholds and sigma need not be.
 *
 * A box that stays goes back into the queue, as in LiteRT: it is out of the way for overlapping itself wholly, or comes again. */
#include <string.h>

#include "arithmetic/portable_math.h"
#include "ops/arguments.h"
#include "ops/order.h"
#include "plan/operator.h"

enum { BOXES, SCORES, MOST, OVERLAP, LEAST_SCORE, SIGMA };

typedef struct eq_suppress {
    int32_t boxes, most;
    bool soft; /* V5 */
} eq_suppress;

/* The area that two boxes share, over the area that they cover together; 0 if one has none. */
static float overlap(const float *a, const float *b) {
    float low[2], high[2], area_a = 1, area_b = 1, common = 1;
    for (int32_t axis = 0; axis < 2; ++axis) {
        const float a0 = a[axis], a1 = a[axis + 2], b0 = b[axis], b1 = b[axis + 2];
        const float low_a = a1 < a0 ? a1 : a0, high_a = a0 < a1 ? a1 : a0, low_b = b1 < b0 ? b1 : b0,
                    high_b = b0 < b1 ? b1 : b0;
        area_a *= high_a - low_a;
        area_b *= high_b - low_b;
        low[axis] = low_a < low_b ? low_b : low_a;
        high[axis] = high_b < high_a ? high_b : high_a;
        common *= high[axis] - low[axis] < 0 ? 0 : high[axis] - low[axis];
    }
    if (area_a <= 0 || area_b <= 0) {
        return 0;
    }
    const float covered = area_a + area_b - common;
    return covered == 0 ? 0 : common / covered;
}

typedef struct eq_queue {
    float *keys;    /* minus the score of each box */
    int32_t *heap;  /* the boxes that wait */
    int32_t *begin; /* of each box: the first of those that stayed that it was not compared with */
    int32_t count;
} eq_queue;

/* Compare a box with those that stayed; it may lose of its score. Returns whether it overlaps one too much. */
static bool is_suppressed(const float *boxes, const int32_t *stayed, int32_t count, int32_t box, eq_queue *queue,
                          float most_overlap, float least_score, float sigma) {
    const float scale = sigma > 0 ? -0.5f / sigma : 0;
    for (int32_t j = count - 1; j >= queue->begin[box]; --j) {
        const float shared = overlap(boxes + (int64_t)box * 4, boxes + (int64_t)stayed[j] * 4);
        if (shared >= most_overlap) {
            return true;
        }
        if (sigma > 0) {
            queue->keys[box] *= (float)eq_exp((double)(scale * shared * shared));
        }
        if (-queue->keys[box] <= least_score) {
            break;
        }
    }
    return false;
}

static float number(const eq_step *step, const eq_storage *storage, int32_t slot) {
    return *(const float *)storage[step->inputs[slot].tensor].data;
}

static void run_suppress(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last;
    const eq_suppress *s = step->data;
    const float *boxes = storage[step->inputs[BOXES].tensor].data, *scores = storage[step->inputs[SCORES].tensor].data;
    const float most_overlap = number(step, storage, OVERLAP), least_score = number(step, storage, LEAST_SCORE);
    const float sigma = s->soft ? number(step, storage, SIGMA) : 0;
    int32_t *stayed = storage[step->outputs[0].tensor].data, count = 0;
    float *stayed_scores = s->soft ? storage[step->outputs[1].tensor].data : NULL;
    eq_queue queue = {.keys = scratch};
    queue.heap = (int32_t *)(queue.keys + s->boxes);
    queue.begin = queue.heap + s->boxes;
    for (int32_t b = 0; b < s->boxes; ++b) {
        queue.keys[b] = -scores[b];
        queue.begin[b] = 0;
        if (scores[b] > least_score) {
            eq_heap_push(queue.keys, queue.heap, &queue.count, b);
        }
    }
    const int32_t most = queue.count < s->most ? queue.count : s->most;
    while (count < most && queue.count > 0) {
        const int32_t box = eq_heap_pop(queue.keys, queue.heap, &queue.count);
        const float key = queue.keys[box];
        const bool goes = is_suppressed(boxes, stayed, count, box, &queue, most_overlap, least_score, sigma);
        queue.begin[box] = count;
        if (!goes && queue.keys[box] == key) {
            stayed[count] = box;
            if (stayed_scores) {
                stayed_scores[count] = -key;
            }
            ++count;
        }
        if (!goes && -queue.keys[box] > least_score) {
            eq_heap_push(queue.keys, queue.heap, &queue.count, box);
        }
    }
    *(int32_t *)storage[step->outputs[s->soft ? 2 : 1].tensor].data = count;
    memset(stayed + count, 0, (size_t)(s->most - count) * sizeof *stayed);
    if (stayed_scores) {
        memset(stayed_scores + count, 0, (size_t)(s->most - count) * sizeof *stayed_scores);
    }
}

static eq_status check_tensors(eq_plan *plan, const eq_operator *op, bool soft) {
    const eq_tensor *boxes = eq_plan_input(plan, op, BOXES), *scores = eq_plan_input(plan, op, SCORES);
    if (boxes->rank != 2 || boxes->dims[1] != 4 || scores->rank != 1 || scores->dims[0] != boxes->dims[0]) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs boxes (n, 4) and scores (n)");
    }
    for (int32_t slot = OVERLAP; slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        if (tensor->type != EQ_FLOAT32 || tensor->rank != 0) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its thresholds and sigma must each be one float32 number");
        }
    }
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        if (eq_plan_output(plan, op, slot)->type != (soft && slot == 1 ? EQ_FLOAT32 : EQ_INT32)) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "gives int32 indices%s and an int32 count",
                                soft ? ", float32 scores" : "");
        }
    }
    return EQ_OK;
}

eq_status eq_prepare_non_max_suppression(eq_plan *plan, const eq_operator *op) {
    const bool soft = op->code == EQ_OP_NON_MAX_SUPPRESSION_V5;
    const int32_t inputs = soft ? 6 : 5, outputs = soft ? 3 : 2;
    int32_t most = 0;
    eq_status status = eq_plan_arity(plan, op, inputs, inputs, 0, outputs);
    if (status != EQ_OK || (status = check_tensors(plan, op, soft)) != EQ_OK ||
        (status = eq_argument_int(plan, op, MOST, &most)) != EQ_OK) {
        return status;
    }
    for (int32_t slot = 0; slot < outputs && status == EQ_OK; ++slot) {
        status = eq_plan_shape(plan, op, slot, slot + 1 < outputs, &most);
    }
    if (status != EQ_OK) { /* also EQ_PLAN_EMPTY, which the plan's error does not tell */
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_suppress, sizeof(eq_suppress), inputs, outputs);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const int32_t boxes = eq_plan_input(plan, op, BOXES)->dims[0];
    *(eq_suppress *)step->data = (eq_suppress){.boxes = boxes, .most = most, .soft = soft};
    for (int32_t slot = 0; slot < inputs; ++slot) {
        step->inputs[slot].tensor = op->inputs[slot];
    }
    for (int32_t slot = 0; slot < outputs; ++slot) {
        step->outputs[slot].tensor = op->outputs[slot];
    }
    step->scratch = 3 * (size_t)boxes * sizeof(float);
    step->cost = (uint64_t)boxes * 8;
    step->slow = true;
    step->open_ended = true;
    return EQ_OK;
}

EQ_OPERATOR(NON_MAX_SUPPRESSION_V4, eq_prepare_non_max_suppression, FLOAT32, FLOAT32, INT32);
EQ_OPERATOR(NON_MAX_SUPPRESSION_V5, eq_prepare_non_max_suppression, FLOAT32, FLOAT32, INT32);
EQ_OPERATOR_NOTE(NON_MAX_SUPPRESSION_V4, "a constant largest number of boxes");
EQ_OPERATOR_NOTE(NON_MAX_SUPPRESSION_V5, "a constant largest number of boxes");
