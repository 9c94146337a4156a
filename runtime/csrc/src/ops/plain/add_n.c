/* ADD_N: the sum of any number of tensors of one shape, added in their order. */
#include "plan/operator.h"

typedef struct eq_add_n {
    int32_t inputs;
    int64_t elements;
} eq_add_n;

enum { CHUNK = 4096 }; /* elements of a unit */

static int64_t end_of(const eq_add_n *sum, int32_t last) {
    return (int64_t)last * CHUNK < sum->elements ? (int64_t)last * CHUNK : sum->elements;
}

#define RUN(name, type, plus)                                                                                      \
    static void name(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) { \
        (void)scratch;                                                                                             \
        const eq_add_n *sum = step->data;                                                                          \
        type *out = storage[step->outputs[0].tensor].data;                                                         \
        for (int64_t i = (int64_t)first * CHUNK; i < end_of(sum, last); ++i) {                                     \
            type total = ((const type *)storage[step->inputs[0].tensor].data)[i];                                  \
            for (int32_t k = 1; k < sum->inputs; ++k) {                                                            \
                const type value = ((const type *)storage[step->inputs[k].tensor].data)[i];                        \
                total = plus;                                                                                      \
            }                                                                                                      \
            out[i] = total;                                                                                        \
        }                                                                                                          \
    }
RUN(run_f32, float, total + value)
RUN(run_i32, int32_t, (int32_t)((uint32_t)total + (uint32_t)value))

static eq_status prepare(eq_plan *plan, const eq_operator *op, eq_run_fn run) {
    eq_status status = eq_plan_arity(plan, op, 1, INT32_MAX, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *first = eq_plan_input(plan, op, 0);
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *in = eq_plan_input(plan, op, slot);
        bool fits = in->type == first->type && in->rank == first->rank && eq_plan_output(plan, op, 0)->type == first->type;
        for (int32_t i = 0; fits && i < in->rank; ++i) {
            fits = in->dims[i] == first->dims[i];
        }
        if (!fits) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "input %d has another shape or type than the others", (int)slot);
        }
    }
    if ((status = eq_plan_shape(plan, op, 0, first->rank, first->dims)) != EQ_OK) {
        return status;
    }
    eq_step *step = eq_plan_step(plan, op, run, sizeof(eq_add_n), op->input_count, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    *(eq_add_n *)step->data = (eq_add_n){op->input_count, eq_tensor_elements(first)};
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        step->inputs[slot].tensor = op->inputs[slot];
    }
    step->outputs[0].tensor = op->outputs[0];
    step->units = (int32_t)((eq_tensor_elements(first) + CHUNK - 1) / CHUNK);
    step->cost = (uint64_t)eq_tensor_elements(first) * (uint64_t)op->input_count;
    step->slow = first->type == EQ_FLOAT32;
    return EQ_OK;
}

eq_status eq_prepare_add_n_f32(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, run_f32);
}

eq_status eq_prepare_add_n_i32(eq_plan *plan, const eq_operator *op) {
    return prepare(plan, op, run_i32);
}

EQ_OPERATOR(ADD_N, eq_prepare_add_n_f32, FLOAT32);
EQ_OPERATOR(ADD_N, eq_prepare_add_n_i32, INT32);
