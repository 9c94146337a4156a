/* The driver's two functions for all operators of stepped.h. */
#include "ops/stepped.h"

static void run_either(const eq_stepped *s, const void *a, const void *b, size_t b_step, void *out, size_t n) {
    if (s->swapped) {
        s->run(s, b, b_step, a, 1, out, n);
    } else {
        s->run(s, a, 1, b, b_step, out, n);
    }
}

static void run(const void *stepped, const void *a, const void *b, void *out, size_t n) {
    run_either(stepped, a, b, 1, out, n);
}

static void run_scalar(const void *stepped, const void *a, const void *b, void *out, size_t n) {
    run_either(stepped, a, b, 0, out, n);
}

eq_status eq_stepped_binary(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, eq_stepped_fn function,
                            const void *parameters, eq_binary *binary) {
    const eq_type type = eq_plan_input(plan, op, 0)->type;
    eq_stepped *s = eq_plan_take(plan, sizeof *s);
    if (!s) {
        return (eq_status)plan->error->status;
    }
    *s = (eq_stepped){function, op->code, type, shape->slots[0] != 0, parameters};
    if (!function(s, NULL, 0, NULL, 0, NULL, 0)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take tensors of type %s", eq_type_name(type));
    }
    *binary = (eq_binary){run, run_scalar, s};
    return EQ_OK;
}

eq_status eq_stepped_operator(eq_plan *plan, const eq_operator *op, eq_stepped_fn function) {
    eq_broadcast shape;
    eq_binary binary;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_broadcast_shape(plan, op, &shape)) != EQ_OK) {
        return status;
    }
    const eq_tensor *a = eq_plan_input(plan, op, 0), *b = eq_plan_input(plan, op, 1), *out = eq_plan_output(plan, op, 0);
    if (a->type != b->type || a->type != out->type) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "mixes types");
    }
    status = eq_stepped_binary(plan, op, &shape, function, NULL, &binary);
    return status == EQ_OK ? eq_broadcast_step(plan, op, &shape, &binary) : status;
}

eq_status eq_stepped_plain(eq_plan *plan, const eq_operator *op, eq_stepped_fn function) {
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *in = eq_plan_input(plan, op, slot);
        if (in && in->type != in->file_type) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "quantized uint8 is not supported here");
        }
    }
    return eq_stepped_operator(plan, op, function);
}
