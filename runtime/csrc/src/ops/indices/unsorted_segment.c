/* UNSORTED_SEGMENT_SUM, _PROD, _MAX and _MIN: slices of the same segment become one; a segment of none has the value that changes
 * nothing. Segments are in any order, and negative ones go nowhere. Integers wrap. */
#include <float.h>
#include <string.h>

#include "ops/arguments.h"
#include "ops/move/indices.h"
#include "plan/operator.h"

enum { DATA, SEGMENTS, COUNT };

typedef struct eq_segments {
    eq_loops *loops;
    int32_t code;
    bool floats;
    int32_t count;  /* of segments */
    int64_t slices; /* of the input */
    int64_t slice;  /* elements */
} eq_segments;

/* The value that changes nothing. */
static uint32_t neutral(const eq_segments *s) {
    const float floats[] = {0, 1, -FLT_MAX, FLT_MAX};
    const int32_t integers[] = {0, 1, INT32_MIN, INT32_MAX};
    const int32_t kind = s->code == EQ_OP_UNSORTED_SEGMENT_SUM    ? 0
                         : s->code == EQ_OP_UNSORTED_SEGMENT_PROD ? 1
                         : s->code == EQ_OP_UNSORTED_SEGMENT_MAX  ? 2
                                                                  : 3;
    uint32_t bits;
    memcpy(&bits, s->floats ? (const void *)&floats[kind] : &integers[kind], sizeof bits);
    return bits;
}

#define JOINED(code, a, b, sum, product)                               \
    ((code) == EQ_OP_UNSORTED_SEGMENT_SUM    ? (sum)                   \
     : (code) == EQ_OP_UNSORTED_SEGMENT_PROD ? (product)               \
     : (code) == EQ_OP_UNSORTED_SEGMENT_MAX  ? ((b) > (a) ? (b) : (a)) \
                                             : ((b) < (a) ? (b) : (a)))

static void join_floats(int32_t code, float *out, const float *in, int64_t elements) {
    for (int64_t i = 0; i < elements; ++i) {
        out[i] = JOINED(code, out[i], in[i], out[i] + in[i], out[i] * in[i]);
    }
}

static void join_integers(int32_t code, int32_t *out, const int32_t *in, int64_t elements) {
    for (int64_t i = 0; i < elements; ++i) {
        const uint32_t a = (uint32_t)out[i], b = (uint32_t)in[i];
        out[i] = JOINED(code, out[i], in[i], (int32_t)(a + b), (int32_t)(a * b));
    }
}

static void run_segments(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last, (void)scratch;
    const eq_segments *s = step->data;
    const uint8_t *in = storage[step->inputs[0].tensor].data;
    const int32_t *segments = storage[step->inputs[1].tensor].data;
    uint8_t *out = storage[step->outputs[0].tensor].data;
    const size_t bytes = (size_t)s->slice * sizeof(int32_t);
    const uint32_t start = neutral(s);
    for (int64_t i = 0; i < s->count * s->slice; ++i) {
        ((uint32_t *)(void *)out)[i] = start;
    }
    for (int64_t i = 0; i < s->slices; ++i) {
        if (segments[i] >= s->count) {
            eq_loops_end_outside(s->loops, step->op);
        } else if (segments[i] >= 0) {
            void *to = out + (size_t)segments[i] * bytes;
            const void *from = in + (size_t)i * bytes;
            if (s->floats) {
                join_floats(s->code, to, from, s->slice);
            } else {
                join_integers(s->code, to, from, s->slice);
            }
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

eq_status eq_prepare_unsorted_segment(eq_plan *plan, const eq_operator *op) {
    int32_t count = 0, dims[EQ_MAX_RANK], rank = 1;
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 1);
    if (status != EQ_OK || (status = eq_argument_same_type(plan, op, DATA, 0)) != EQ_OK ||
        (status = eq_argument_int(plan, op, COUNT, &count)) != EQ_OK || (status = check_segments(plan, op, count)) != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, DATA), *segments = eq_plan_input(plan, op, SEGMENTS);
    eq_segments s = {.loops = plan->loops, .code = op->code, .floats = in->type == EQ_FLOAT32, .count = count, .slice = 1};
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
    step->cost = (uint64_t)(eq_tensor_elements(in) + eq_tensor_elements(eq_plan_output(plan, op, 0)));
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
