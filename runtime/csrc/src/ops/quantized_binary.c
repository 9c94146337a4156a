/* Elementwise operators of two int8 inputs: XNNPACK's arithmetic where it takes the operator and its scales, otherwise that of
 * LiteRT's own kernels. docs/arithmetic.md has the formulas. */
#include <math.h>

#include "../arithmetic.h"
#include "../fixed_point.h"
#include "binary.h"
#include "quantization.h"

/* ---- XNNPACK's: the kernels do the work ---- */

typedef struct eq_quantized {
    const eq_kernels *kernels;
    eq_add add;
    eq_multiply multiply;
} eq_quantized;

#define RUNS(name, call, call_scalar)                                                                                          \
    static void name(const void *parameters, const void *a, const void *b, void *out, size_t n) {                              \
        const eq_quantized *q = parameters;                                                                                    \
        call;                                                                                                                  \
    }                                                                                                                          \
    static void name##_scalar(const void *parameters, const void *a, const void *b, void *out, size_t n) {                     \
        const eq_quantized *q = parameters;                                                                                    \
        call_scalar;                                                                                                           \
    }

RUNS(run_add, q->kernels->add(&q->add, a, b, out, n), q->kernels->add_scalar(&q->add, a, *(const int8_t *)b, out, n))
RUNS(run_multiply, q->kernels->multiply(&q->multiply, a, b, out, n),
     q->kernels->multiply_scalar(&q->multiply, a, *(const int8_t *)b, out, n))

/* Whether XNNPACK takes this ratio of scales for ADD and SUB. */
static bool takes_ratio(float ratio) {
    return ratio >= 0x1p-10f && ratio < 0x1p8f;
}

/* acc = bias + a * a_multiplier + b * b_multiplier has `shift` fractional bits; the larger multiplier has 21 bits. */
static void set_add(eq_add *p, const eq_tensor *const in[2], const float ratios[2], const int32_t signs[2]) {
    int exponent;
    frexpf(fmaxf(ratios[0], ratios[1]), &exponent);
    p->shift = 21 - exponent;
    p->a_multiplier = signs[0] * (int32_t)lrintf(ldexpf(ratios[0], p->shift));
    p->b_multiplier = signs[1] * (int32_t)lrintf(ldexpf(ratios[1], p->shift));
    p->bias = (1 << (p->shift - 1)) - p->a_multiplier * in[0]->zero_points[0] - p->b_multiplier * in[1]->zero_points[0];
}

/* ---- LiteRT's ---- */

typedef struct eq_rescaled {
    int32_t (*value)(const struct eq_rescaled *r, int32_t a, int32_t b); /* without zero points, before and after */
    int32_t a_zero_point, b_zero_point, left_shift;
    int32_t signs[2];
    eq_fixed scales[2], scale; /* of the inputs to a common unit, and of the result to the output's */
    int32_t zero_point, min, max;
} eq_rescaled;

static int32_t in_common_units(const eq_rescaled *r, int32_t input, int32_t x) {
    return r->signs[input] * eq_fixed_multiply(eq_shift_left(x, r->left_shift), r->scales[input]);
}

static int32_t rescaled_sum(const eq_rescaled *r, int32_t a, int32_t b) {
    return eq_fixed_multiply(in_common_units(r, 0, a) + in_common_units(r, 1, b), r->scale);
}

static int32_t rescaled_square(const eq_rescaled *r, int32_t a, int32_t b) {
    const int32_t difference = in_common_units(r, 0, a) - in_common_units(r, 1, b);
    return eq_fixed_multiply(eq_multiply_wrapping(difference, difference), r->scale);
}

static int32_t rescaled_product(const eq_rescaled *r, int32_t a, int32_t b) {
    return eq_fixed_multiply(a * b, r->scale);
}

static int32_t rescaled_slope(const eq_rescaled *r, int32_t a, int32_t b) {
    return a >= 0 ? eq_fixed_multiply(a, r->scales[0]) : eq_fixed_multiply(a * b, r->scale);
}

static void run_rescaled_step(const eq_rescaled *r, const int8_t *a, const int8_t *b, size_t b_step, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const int32_t y = r->value(r, a[i] - r->a_zero_point, b[i * b_step] - r->b_zero_point);
        out[i] = (int8_t)eq_clamp(eq_add_wrapping(y, r->zero_point), r->min, r->max);
    }
}

static void run_rescaled(const void *parameters, const void *a, const void *b, void *out, size_t n) {
    run_rescaled_step(parameters, a, b, 1, out, n);
}

static void run_rescaled_scalar(const void *parameters, const void *a, const void *b, void *out, size_t n) {
    run_rescaled_step(parameters, a, b, 0, out, n);
}

/* The bounds of a fused activation, rounded as LiteRT does: halves away from zero, without the zero point. */
static int32_t bound(float real, const eq_tensor *out) {
    const float steps = roundf(fmaxf(fminf(real / out->scales[0], 1024.0f), -1024.0f));
    return eq_clamp((int32_t)steps + out->zero_points[0], -128, 127);
}

static void set_rescaled(eq_rescaled *r, const eq_operator *op, const eq_tensor *const in[2], float out_scale) {
    const float a = in[0]->scales[0], b = in[1]->scales[0];
    const double unit = 2.0 * (a > b ? a : b);
    r->a_zero_point = in[0]->zero_points[0];
    r->b_zero_point = in[1]->zero_points[0];
    r->scales[0] = eq_fixed_from(a / unit);
    r->scales[1] = eq_fixed_from(b / unit);
    switch (op->code) {
    case EQ_OP_MUL:
        r->value = rescaled_product;
        r->scale = eq_fixed_from(a * b / out_scale);
        break;
    case EQ_OP_PRELU:
        r->value = rescaled_slope;
        r->scales[0] = eq_fixed_from(a / out_scale);
        r->scale = eq_fixed_from(a * b / out_scale);
        break;
    case EQ_OP_SQUARED_DIFFERENCE:
        r->value = rescaled_square;
        r->left_shift = 7;
        r->scale = eq_fixed_from(unit * unit / ((1 << 14) * (double)out_scale));
        break;
    default:
        r->value = rescaled_sum;
        r->left_shift = 20;
        r->scale = eq_fixed_from(unit / ((1 << 20) * (double)out_scale));
    }
}

static eq_status prepare_rescaled(eq_plan *plan, const eq_operator *op, const eq_tensor *const in[2], const int32_t signs[2],
                                  eq_binary *binary) {
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    eq_rescaled *r = eq_plan_take(plan, sizeof *r);
    if (!r) return (eq_status)plan->error->status;
    float low, high;
    eq_status status = eq_activation_range_float(plan, op, eq_binary_activation(op), &low, &high);
    set_rescaled(r, op, in, out->scales[0]);
    r->signs[0] = op->code == EQ_OP_SUB ? signs[0] : 1;
    r->signs[1] = op->code == EQ_OP_SUB ? signs[1] : 1;
    r->zero_point = out->zero_points[0];
    r->min = bound(low, out);
    r->max = bound(high, out);
    *binary = (eq_binary){run_rescaled, run_rescaled_scalar, r};
    return status;
}

/* ---- MAXIMUM and MINIMUM compare the bytes ---- */

static void maximum_scalar(const int8_t *a, int8_t b, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = a[i] > b ? a[i] : b;
}

static void minimum_scalar(const int8_t *a, int8_t b, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = a[i] < b ? a[i] : b;
}

RUNS(run_maximum, q->kernels->maximum(a, b, out, n), (void)q; maximum_scalar(a, *(const int8_t *)b, out, n))
RUNS(run_minimum, q->kernels->minimum(a, b, out, n), (void)q; minimum_scalar(a, *(const int8_t *)b, out, n))

/* ---- the choice ---- */

eq_status eq_quantized_binary(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, eq_binary *binary) {
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    const eq_tensor *in[2] = {eq_plan_input(plan, op, shape->slots[0]), eq_plan_input(plan, op, shape->slots[1])};
    eq_quantized *q = eq_plan_take(plan, sizeof *q);
    if (!q) return (eq_status)plan->error->status;
    eq_status status = eq_check_int8(plan, op, in[0], "an input");
    if (status == EQ_OK) status = eq_check_int8(plan, op, in[1], "an input");
    if (status == EQ_OK) status = eq_check_int8(plan, op, out, "the output");
    int32_t min = 0, max = 0;
    if (status == EQ_OK) status = eq_activation_range(plan, op, eq_binary_activation(op), out, &min, &max);
    if (status != EQ_OK) return status;

    const float ratios[2] = {in[0]->scales[0] / out->scales[0], in[1]->scales[0] / out->scales[0]};
    const float product = in[0]->scales[0] * in[1]->scales[0] / out->scales[0];
    const int32_t minus = op->code == EQ_OP_SUB ? -1 : 1;
    const int32_t signs[2] = {shape->slots[0] == 1 ? minus : 1, shape->slots[1] == 1 ? minus : 1};
    const bool small_rank = shape->rank <= 6; /* XNNPACK's limit */
    q->kernels = plan->kernels;
    q->add = (eq_add){.zero_point = out->zero_points[0], .min = min, .max = max};
    q->multiply = (eq_multiply){in[0]->zero_points[0], in[1]->zero_points[0], product, out->zero_points[0], min, max};
    switch (op->code) {
    case EQ_OP_MAXIMUM:
        *binary = (eq_binary){run_maximum, run_maximum_scalar, q};
        return EQ_OK;
    case EQ_OP_MINIMUM:
        *binary = (eq_binary){run_minimum, run_minimum_scalar, q};
        return EQ_OK;
    case EQ_OP_ADD:
    case EQ_OP_SUB:
        if (!small_rank || !takes_ratio(ratios[0]) || !takes_ratio(ratios[1])) break;
        set_add(&q->add, in, ratios, signs);
        *binary = (eq_binary){run_add, run_add_scalar, q};
        return EQ_OK;
    case EQ_OP_MUL:
        if (!small_rank || product < 0x1p-16f || product >= 0x1p8f) break;
        *binary = (eq_binary){run_multiply, run_multiply_scalar, q};
        return EQ_OK;
    case EQ_OP_SQUARED_DIFFERENCE:
    case EQ_OP_PRELU:
        break;
    default:
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take int8 tensors");
    }
    return prepare_rescaled(plan, op, in, signs, binary);
}
