/* SEGMENT_SUM: rows whose segment is the same are added, in their order; segments are constant, 0 first, and each the one before or the
 * next. Integers wrap. */
#include <string.h>

#include "ops/arguments.h"
#include "plan/operator.h"

typedef struct eq_segments {
    int32_t rows, segments;
    int64_t row; /* elements */
    bool is_float;
    const int32_t *of; /* the segment of each row */
} eq_segments;

static void run_segments(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_segments *s = step->data;
    const void *in = storage[step->inputs[0].tensor].data;
    void *out = storage[step->outputs[0].tensor].data;
    memset(out, 0, (size_t)s->segments * (size_t)s->row * sizeof(float));
    for (int32_t i = 0; i < s->rows; ++i) {
        const int64_t from = i * s->row, to = s->of[i] * s->row;
        for (int64_t j = 0; j < s->row; ++j) {
            if (s->is_float) {
                ((float *)out)[to + j] += ((const float *)in)[from + j];
            } else {
                ((uint32_t *)out)[to + j] += ((const uint32_t *)in)[from + j];
            }
        }
    }
}

eq_status eq_prepare_segment_sum(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, 0, 0)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *segments = eq_plan_input(plan, op, 1);
    if (in->rank < 1 || segments->rank != 1 || segments->dims[0] != in->dims[0]) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "needs a segment for each row");
    }
    eq_segments s = {.rows = in->dims[0], .is_float = in->type == EQ_FLOAT32};
    int32_t *of = eq_plan_take(plan, (size_t)s.rows * sizeof *of), count, dims[EQ_MAX_RANK];
    if (!of || (status = eq_argument_ints(plan, op, 1, of, s.rows, &count)) != EQ_OK) {
        return of ? status : (eq_status)plan->error->status;
    }
    for (int32_t i = 0; i < s.rows; ++i) {
        const int32_t before = i == 0 ? 0 : of[i - 1];
        if (of[i] != before && (i == 0 || of[i] != before + 1)) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL,
                                "its segment %d follows %d; they must begin with 0 and leave out none", (int)of[i],
                                (int)before);
        }
    }
    memcpy(dims, in->dims, sizeof dims);
    dims[0] = s.segments = s.rows == 0 ? 0 : of[s.rows - 1] + 1;
    if ((status = eq_plan_shape(plan, op, 0, in->rank, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_segments, sizeof s, 1, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    s.of = of;
    s.row = s.rows == 0 ? 0 : eq_tensor_elements(in) / s.rows;
    *(eq_segments *)step->data = s;
    step->inputs[0].tensor = op->inputs[0];
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)eq_tensor_elements(in);
    return EQ_OK;
}

EQ_OPERATOR(SEGMENT_SUM, eq_prepare_segment_sum, FLOAT32, INT32);
EQ_OPERATOR(SEGMENT_SUM, eq_prepare_segment_sum, INT32, INT32);
EQ_OPERATOR_NOTE(SEGMENT_SUM, "float32, int32; constant segments");
