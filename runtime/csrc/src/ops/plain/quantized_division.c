/* DIV of int8 and int16 tensors in LiteRT's fixed point: the reciprocal of the divisor by Newton's method, with 31 bits, times the
 * dividend. A division by 0, where LiteRT stops, gives the end of the range that the dividend's sign points to.
 * (reference/div.h) */
#include "arithmetic/arithmetic.h"
#include "arithmetic/fixed_point.h"
#include "ops/elementwise/binary.h"
#include "ops/elementwise/runs.h"
#include "ops/quantization.h"
#include "plan/operator.h"

typedef struct eq_division {
    int32_t zero_points[2]; /* of dividend and divisor */
    eq_fixed scale;         /* of their quotient */
    int32_t zero_point, min, max;
    bool swapped; /* the first of two values is the divisor */
} eq_division;

static int32_t leading_zeros(uint32_t x) {
    return x == 0 ? 32 : __builtin_clz(x);
}

static int32_t divide(const eq_division *d, int32_t first, int32_t second) {
    int32_t x = (d->swapped ? second : first) - d->zero_points[0], y = (d->swapped ? first : second) - d->zero_points[1];
    if (y < 0) {
        x = -x;
        y = -y;
    }
    if (y == 0) {
        return x < 0 ? d->min : d->max;
    }
    const int32_t headroom = x < 0 ? leading_zeros(2 * (uint32_t)-x - 1) : leading_zeros((uint32_t)x) - 1;
    const int32_t zeros = leading_zeros((uint32_t)y);
    const int32_t inverse = eq_fixed_inverse_of_sum((int32_t)(((uint32_t)y << zeros) - (UINT32_C(1) << 31)));
    const int32_t quotient = eq_doubling_high_product((int32_t)((uint32_t)x << headroom), inverse);
    const int32_t shift = eq_clamp(31 - zeros + headroom - d->scale.shift, 0, 31);
    const int32_t scaled = eq_divide_by_power_of_two(eq_doubling_high_product(quotient, d->scale.multiplier), shift);
    return eq_clamp(eq_add_wrapping(scaled, d->zero_point), d->min, d->max);
}

EQ_RUNS(run_int8, int8_t, divide(parameters, a, b))
EQ_RUNS(run_int16, int16_t, divide(parameters, a, b))

static eq_status set_division(eq_plan *plan, const eq_operator *op, eq_division *d) {
    const eq_tensor *x = eq_plan_input(plan, op, 0), *y = eq_plan_input(plan, op, 1), *out = eq_plan_output(plan, op, 0);
    eq_status (*check)(eq_plan *, const eq_operator *, const eq_tensor *, const char *) =
        x->type == EQ_INT8 ? eq_check_int8 : eq_check_int16;
    eq_status status;
    if ((status = check(plan, op, x, "the first input")) != EQ_OK ||
        (status = check(plan, op, y, "the second input")) != EQ_OK || (status = check(plan, op, out, "the output")) != EQ_OK) {
        return status;
    }
    d->zero_points[0] = x->zero_points[0];
    d->zero_points[1] = y->zero_points[0];
    d->zero_point = out->zero_points[0];
    d->scale = eq_fixed_from((double)(x->scales[0] / (y->scales[0] * out->scales[0])));
    return eq_activation_range_litert(plan, op, eq_binary_activation(op), out, &d->min, &d->max);
}

eq_status eq_prepare_quantized_division(eq_plan *plan, const eq_operator *op) {
    eq_broadcast shape;
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_broadcast_shape(plan, op, &shape)) != EQ_OK) {
        return status;
    }
    eq_division *d = eq_plan_take(plan, sizeof *d);
    if (!d) {
        return (eq_status)plan->error->status;
    }
    if ((status = set_division(plan, op, d)) != EQ_OK) {
        return status;
    }
    d->swapped = shape.slots[0] == 1;
    const bool narrow = eq_plan_output(plan, op, 0)->type == EQ_INT8;
    const eq_binary binary = narrow ? (eq_binary){EQ_RUN_PAIR(run_int8), d} : (eq_binary){EQ_RUN_PAIR(run_int16), d};
    return eq_broadcast_step(plan, op, &shape, &binary);
}

EQ_OPERATOR(DIV, eq_prepare_quantized_division, INT8, INT8);
EQ_OPERATOR(DIV, eq_prepare_quantized_division, INT16, INT16);
