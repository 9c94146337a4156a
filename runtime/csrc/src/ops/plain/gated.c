/* A part of the tensor at a time, so that the gates never leave the first cache. Both operations are rounded as in an operator of their
 * own: the bits are the same. */
#include "gated.h"

#include "ops/elementwise/elements.h"
#include "read/operator_codes.h"

#ifdef __x86_64__

typedef struct gated {
    const eq_kernels *kernels;
    eq_binary product;
} gated;

static void run(const void *data, const void *from, void *to, size_t n) {
    enum { PART = 512 };
    const gated *g = data;
    const eq_unary_f32 logistic = {.code = EQ_OP_LOGISTIC};
    const float *in = from;
    float *out = to, gates[PART];
    for (size_t i = 0, count; i < n; i += count) {
        count = n - i < PART ? n - i : PART;
        (void)g->kernels->unary_f32(&logistic, in + i, gates, count);
        g->product.run(g->product.parameters, in + i, gates, out + i, count);
    }
}

/* The slot whose tensor is the LOGISTIC of the other slot's, -1 if none is. */
static int32_t slot_of_gates(const eq_plan *plan, const eq_operator *op) {
    for (int32_t slot = 0; slot < 2; ++slot) {
        const eq_operator *maker = plan->tensors[op->inputs[slot]].made_by;
        if (maker && maker->code == EQ_OP_LOGISTIC && maker->inputs[0] == op->inputs[1 - slot]) {
            return slot;
        }
    }
    return -1;
}

eq_status eq_gated_step(eq_plan *plan, const eq_operator *op, const eq_binary *product, bool *found) {
    /* With float16 what made a tensor may have made another in its place. */
    const int32_t slot = op->code == EQ_OP_MUL && !plan->half ? slot_of_gates(plan, op) : -1;
    const int32_t in = slot >= 0 ? op->inputs[1 - slot] : -1;
    *found = slot >= 0 && eq_plan_output(plan, op, 0)->type == EQ_FLOAT32 && !plan->tensors[in].tensor.data &&
             eq_plan_stays(plan, in);
    if (!*found) {
        return EQ_OK;
    }
    const gated data = {plan->kernels, *product};
    const eq_status status = eq_elements_step(plan, op, run, &data, sizeof data);
    if (status == EQ_OK) {
        eq_step *step = plan->steps[plan->step_count - 1];
        step->inputs[0].tensor = in;
        step->cost *= 9;
        step->slow = true;
        step->fused = "LOGISTIC+MUL";
    }
    return status;
}

#endif
