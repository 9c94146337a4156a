/* UNSORTED_SEGMENT_SUM, _PROD, _MAX and _MIN: slices of the same segment become one; a segment of none has the value that changes
 * nothing. Segments are in any order, and negative ones go nowhere. Integers wrap. */
#include <float.h>
#include <string.h>

#include "ops/arguments.h"
#include "ops/move/indices.h"
#include "plan/operator.h"

enum { DATA, SEGMENTS, COUNT };

typedef struct eq_segments eq_segments;

typedef struct eq_segment_rule {
    int32_t code;
    eq_type type;
    void (*start)(void *out, int64_t elements);
    void (*join)(void *out, const void *in, int64_t elements);
} eq_segment_rule;

struct eq_segments {
    eq_loops *loops;
    const eq_segment_rule *rule;
    int32_t count;  /* of segments */
    int64_t slices; /* of the input */
    int64_t slice;  /* elements */
};

#define RULE(name, type, first, expression)                                \
    static void start_##name(void *out, int64_t elements) {                \
        for (int64_t i = 0; i < elements; ++i) {                           \
            ((type *)out)[i] = (first);                                    \
        }                                                                  \
    }                                                                      \
    static void join_##name(void *out, const void *in, int64_t elements) { \
        for (int64_t i = 0; i < elements; ++i) {                           \
            const type a = ((type *)out)[i], b = ((const type *)in)[i];    \
            ((type *)out)[i] = (expression);                               \
        }                                                                  \
    }

RULE(sum_float, float, 0, a + b)
RULE(product_float, float, 1, a *b)
RULE(max_float, float, -FLT_MAX, b > a ? b : a)
RULE(min_float, float, FLT_MAX, b < a ? b : a)
RULE(sum_int32, uint32_t, 0, a + b)
RULE(product_int32, uint32_t, 1, a *b)
RULE(max_int32, int32_t, INT32_MIN, b > a ? b : a)
RULE(min_int32, int32_t, INT32_MAX, b < a ? b : a)

#define ROW(code, type, name) {EQ_OP_UNSORTED_SEGMENT_##code, type, start_##name, join_##name}
static const eq_segment_rule rules[] = {
    ROW(SUM, EQ_FLOAT32, sum_float),    ROW(SUM, EQ_INT32, sum_int32),   ROW(PROD, EQ_FLOAT32, product_float),
    ROW(PROD, EQ_INT32, product_int32), ROW(MAX, EQ_FLOAT32, max_float), ROW(MAX, EQ_INT32, max_int32),
    ROW(MIN, EQ_FLOAT32, min_float),    ROW(MIN, EQ_INT32, min_int32),
};

static void run_segments(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_segments *s = step->data;
    const uint8_t *in = storage[step->inputs[0].tensor].data;
    const int32_t *segments = storage[step->inputs[1].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    const size_t bytes = (size_t)s->slice * sizeof(int32_t);
    s->rule->start(out, s->count * s->slice);
    for (int64_t i = 0; i < s->slices; ++i) {
        if (segments[i] >= s->count) {
            eq_loops_end_outside(s->loops, step->op);
        } else if (segments[i] >= 0) {
            s->rule->join(out + (size_t)segments[i] * bytes, in + (size_t)i * bytes, s->slice);
        }
    }
}

/* Segments that are computed during a run and are too large end it, as in LiteRT. */
static eq_status check_segments(eq_plan *plan, const eq_operator *op, int32_t count) {
    const eq_tensor *in = eq_plan_input(plan, op, DATA), *segments = eq_plan_input(plan, op, SEGMENTS);
    bool fits = segments->rank <= in->rank;
    for (int32_t i = 0; fits && i < segments->rank; ++i) {
        fits = segments->dims[i] == in->dims[i];
    }
    if (!fits) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its segments do not fit its input");
    }
    const int32_t *of = segments->is_variable ? NULL : segments->data;
    for (int64_t i = 0; of && i < eq_tensor_elements(segments); ++i) {
        if (of[i] >= count) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "segment %d is out of %d", (int)of[i], (int)count);
        }
    }
    return EQ_OK;
}

static const eq_segment_rule *find_rule(int32_t code, eq_type type) {
    const eq_segment_rule *rule = rules;
    while (rule->code != code || rule->type != type) {
        ++rule; /* the table has every operator and type that is registered below */
    }
    return rule;
}

eq_status eq_prepare_unsorted_segment(eq_plan *plan, const eq_operator *op) {
    int32_t count = 0, dims[EQ_MAX_RANK], rank = 1;
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, DATA, 0)) != EQ_OK ||
        (status = eq_argument_int(plan, op, COUNT, &count)) != EQ_OK || (status = check_segments(plan, op, count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, DATA), *segments = eq_plan_input(plan, op, SEGMENTS);
    eq_segments s = {.loops = plan->loops, .rule = find_rule(op->code, in->type), .count = count, .slice = 1};
    s.slices = eq_tensor_elements(segments);
    dims[0] = count;
    if (in->rank - segments->rank >= EQ_MAX_RANK) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "gives a tensor of too many dimensions");
    }
    for (int32_t i = segments->rank; i < in->rank; ++i) {
        dims[rank++] = in->dims[i];
        s.slice *= in->dims[i];
    }
    if ((status = eq_plan_shape(plan, op, 0, rank, dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run_segments, sizeof s, 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_segments *)step->data = s;
    step->inputs[0].tensor = op->inputs[DATA];
    step->inputs[1].tensor = op->inputs[SEGMENTS];
    step->outputs[0].tensor = op->outputs[0];
    step->cost = (uint64_t)eq_tensor_elements(in);
    return EQ_OK;
}

EQ_OPERATOR(UNSORTED_SEGMENT_SUM, eq_prepare_unsorted_segment, FLOAT32, INT32);
EQ_OPERATOR(UNSORTED_SEGMENT_SUM, eq_prepare_unsorted_segment, INT32, INT32);
EQ_OPERATOR(UNSORTED_SEGMENT_PROD, eq_prepare_unsorted_segment, FLOAT32, INT32);
EQ_OPERATOR(UNSORTED_SEGMENT_PROD, eq_prepare_unsorted_segment, INT32, INT32);
EQ_OPERATOR(UNSORTED_SEGMENT_MAX, eq_prepare_unsorted_segment, FLOAT32, INT32);
EQ_OPERATOR(UNSORTED_SEGMENT_MAX, eq_prepare_unsorted_segment, INT32, INT32);
EQ_OPERATOR(UNSORTED_SEGMENT_MIN, eq_prepare_unsorted_segment, FLOAT32, INT32);
EQ_OPERATOR(UNSORTED_SEGMENT_MIN, eq_prepare_unsorted_segment, INT32, INT32);
EQ_OPERATOR_NOTE(UNSORTED_SEGMENT_SUM, "the number of segments must be known when a session opens");
