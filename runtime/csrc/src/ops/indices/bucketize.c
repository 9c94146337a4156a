/* BUCKETIZE: the number of boundaries that are not above a value; boundaries go up. */
#include "ops/elementwise/elements.h"
#include "plan/operator.h"

typedef struct eq_buckets {
    const float *boundaries;
    int32_t count;
} eq_buckets;

/* By halves, compared as LiteRT does: a value of any type becomes a float. */
#define BUCKETS(name, type)                                                    \
    static void name(const void *data, const void *from, void *to, size_t n) { \
        const eq_buckets *buckets = data;                                      \
        for (size_t i = 0; i < n; ++i) {                                       \
            const float value = (float)((const type *)from)[i];                \
            int32_t low = 0, high = buckets->count;                            \
            while (low < high) {                                               \
                const int32_t middle = low + (high - low) / 2;                 \
                if (value < buckets->boundaries[middle]) {                     \
                    high = middle;                                             \
                } else {                                                       \
                    low = middle + 1;                                          \
                }                                                              \
            }                                                                  \
            ((int32_t *)to)[i] = low;                                          \
        }                                                                      \
    }

BUCKETS(of_float, float)
BUCKETS(of_int32, int32_t)
BUCKETS(of_int64, int64_t)

static eq_status read_boundaries(eq_plan *plan, const eq_operator *op, eq_buckets *buckets) {
    const int32_t count = eq_option_floats(op, 0, NULL, 0);
    float *boundaries = eq_plan_take(plan, (size_t)count * sizeof *boundaries);
    if (!boundaries) {
        return (eq_status)plan->error->status;
    }
    eq_option_floats(op, 0, boundaries, count);
    for (int32_t i = 0; i < count; ++i) {
        if (boundaries[i] != boundaries[i] || (i > 0 && boundaries[i] < boundaries[i - 1])) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its boundaries do not go up");
        }
    }
    *buckets = (eq_buckets){boundaries, count};
    return EQ_OK;
}

eq_status eq_prepare_bucketize(eq_plan *plan, const eq_operator *op) {
    eq_buckets buckets;
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK || (status = read_boundaries(plan, op, &buckets)) != EQ_OK) {
        return status;
    }
    if (eq_plan_output(plan, op, 0)->type != EQ_INT32) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its output must be int32");
    }
    const eq_type type = eq_plan_input(plan, op, 0)->type;
    const eq_elements_fn run = type == EQ_FLOAT32 ? of_float : type == EQ_INT32 ? of_int32 : of_int64;
    status = eq_elements_step(plan, op, run, &buckets, sizeof buckets);
    if (status == EQ_OK) { /* a step of the search halves what is left */
        plan->steps[plan->step_count - 1]->cost *= (uint64_t)(32 - __builtin_clz((uint32_t)buckets.count | 1));
    }
    return status;
}

EQ_OPERATOR(BUCKETIZE, eq_prepare_bucketize, FLOAT32);
EQ_OPERATOR(BUCKETIZE, eq_prepare_bucketize, INT32);
EQ_OPERATOR(BUCKETIZE, eq_prepare_bucketize, INT64);
