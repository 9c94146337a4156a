/* Elementwise operators of two int8 inputs: XNNPACK's arithmetic where it takes the operator and its scales, otherwise that of
 * LiteRT's own kernels. docs/arithmetic.md has the formulas. */
#include <math.h>

#include "arithmetic/arithmetic.h"
#include "arithmetic/fixed_point.h"
#include "binary.h"
#include "ops/quantization.h"
#include "read/operator_codes.h"

/* ---- XNNPACK's: the kernels do the work ---- */

typedef struct eq_quantized {
    const eq_kernels *kernels;
    eq_add add;
    eq_multiply multiply;
    float in_scale, out_scale;
    int32_t shift; /* of the output in the file: 128 for uint8 */
} eq_quantized;

#define RUNS(name, call, call_scalar)                                                                      \
    static void name(const void *parameters, const void *a, const void *b, void *out, size_t n) {          \
        const eq_quantized *q = parameters;                                                                \
        call;                                                                                              \
    }                                                                                                      \
    static void name##_scalar(const void *parameters, const void *a, const void *b, void *out, size_t n) { \
        const eq_quantized *q = parameters;                                                                \
        call_scalar;                                                                                       \
    }

RUNS(run_add, q->kernels->add(&q->add, a, b, out, n), q->kernels->add_scalar(&q->add, a, *(const int8_t *)b, out, n))
RUNS(run_multiply, q->kernels->multiply(&q->multiply, a, b, out, n),
     q->kernels->multiply_scalar(&q->multiply, a, *(const int8_t *)b, out, n))

/* XNNPACK makes a square of the product of a tensor with itself, and computes it in real numbers. */
static void run_square(const void *parameters, const void *a, const void *b, void *out, size_t n) {
    const eq_quantized *q = parameters;
    const int8_t *in = a;
    int8_t *result = out;
    (void)b;
    for (size_t i = 0; i < n; i++) {
        const float x = q->in_scale * (float)(in[i] - q->multiply.a_zero_point);
        const float y = x * x * (1.0f / q->out_scale) + (float)(q->multiply.zero_point + q->shift);
        result[i] = (int8_t)eq_clamp((int32_t)rintf(fminf(y, 65536.0f)) - q->shift, q->multiply.min, q->multiply.max);
    }
}

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

enum { BLOCK = 64 }; /* accumulators at a time */

typedef struct eq_rescaled {
    const eq_kernels *kernels;
    void (*accumulate)(const struct eq_rescaled *r, const int8_t *a, const int8_t *b, size_t b_step, int32_t *acc, size_t n);
    int32_t a_zero_point, b_zero_point;
    int32_t units[2][256];  /* [i][128 + q]: value q of input i in the inputs' common unit, with its sign in the sum */
    const int8_t *positive; /* of PRELU, [128 + q]: the result where a is positive */
    eq_rescale rescale;     /* of the accumulators to the output */
} eq_rescaled;

static int32_t unit_sum(const eq_rescaled *r, int32_t a, int32_t b) {
    return r->units[0][128 + a] + r->units[1][128 + b];
}

static void sums(const eq_rescaled *r, const int8_t *a, const int8_t *b, size_t b_step, int32_t *acc, size_t n) {
    for (size_t i = 0; i < n; i++) {
        acc[i] = unit_sum(r, a[i], b[i * b_step]);
    }
}

static void squares(const eq_rescaled *r, const int8_t *a, const int8_t *b, size_t b_step, int32_t *acc, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const int32_t difference = unit_sum(r, a[i], b[i * b_step]);
        acc[i] = eq_multiply_wrapping(difference, difference);
    }
}

static void products(const eq_rescaled *r, const int8_t *a, const int8_t *b, size_t b_step, int32_t *acc, size_t n) {
    for (size_t i = 0; i < n; i++) {
        acc[i] = (a[i] - r->a_zero_point) * (b[i * b_step] - r->b_zero_point);
    }
}

static void run_rescaled_step(const eq_rescaled *r, const int8_t *a, const int8_t *b, size_t b_step, int8_t *out, size_t n) {
    int32_t acc[BLOCK];
    for (size_t count; n > 0; n -= count, a += count, b += count * b_step, out += count) {
        count = n < BLOCK ? n : BLOCK;
        r->accumulate(r, a, b, b_step, acc, count);
        r->kernels->rescale(&r->rescale, acc, out, count);
        for (size_t i = 0; r->positive && i < count; i++) {
            if (a[i] >= r->a_zero_point) {
                out[i] = r->positive[128 + a[i]];
            }
        }
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

/* Values of the inputs in units of `unit` * 2^-left_shift. */
static void set_units(eq_rescaled *r, const eq_tensor *const in[2], const int32_t signs[2], double unit, int32_t left_shift) {
    for (int32_t i = 0; i < 2; i++) {
        const eq_fixed scale = eq_fixed_from(in[i]->scales[0] / unit);
        for (int32_t q = -128; q < 128; q++) {
            const int32_t x = eq_shift_left(q - in[i]->zero_points[0], left_shift);
            r->units[i][128 + q] = signs[i] * eq_fixed_multiply(x, scale);
        }
    }
}

static eq_status set_positive(eq_plan *plan, eq_rescaled *r, const eq_tensor *in, float out_scale) {
    int32_t acc[256];
    int8_t *table = eq_plan_take(plan, 256);
    if (!table) {
        return (eq_status)plan->error->status;
    }
    const eq_rescale rescale = {eq_fixed_from(in->scales[0] / out_scale), r->rescale.zero_point, r->rescale.min,
                                r->rescale.max};
    for (int32_t q = -128; q < 128; q++) {
        acc[128 + q] = q - in->zero_points[0];
    }
    r->kernels->rescale(&rescale, acc, table, 256);
    r->positive = table;
    return EQ_OK;
}

static eq_status set_rescaled(eq_plan *plan, eq_rescaled *r, const eq_operator *op, const eq_tensor *const in[2],
                              const int32_t signs[2], float out_scale) {
    const float a = in[0]->scales[0], b = in[1]->scales[0];
    const double unit = 2.0 * (a > b ? a : b);
    eq_fixed *factor = &r->rescale.factor;
    switch (op->code) {
    case EQ_OP_MUL:
        r->accumulate = products;
        *factor = eq_fixed_from(a * b / out_scale);
        return EQ_OK;
    case EQ_OP_PRELU:
        r->accumulate = products;
        *factor = eq_fixed_from(a * b / out_scale);
        return set_positive(plan, r, in[0], out_scale);
    case EQ_OP_SQUARED_DIFFERENCE:
        r->accumulate = squares;
        set_units(r, in, (const int32_t[]){1, -1}, unit, 7);
        *factor = eq_fixed_from(unit * unit / ((1 << 14) * (double)out_scale));
        return EQ_OK;
    default:
        r->accumulate = sums;
        set_units(r, in, signs, unit, 20);
        *factor = eq_fixed_from(unit / ((1 << 20) * (double)out_scale));
        return EQ_OK;
    }
}

static eq_status prepare_rescaled(eq_plan *plan, const eq_operator *op, const eq_tensor *const in[2], const int32_t signs[2],
                                  eq_binary *binary) {
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    eq_rescaled *r = eq_plan_take(plan, sizeof *r);
    if (!r) {
        return (eq_status)plan->error->status;
    }
    float low, high;
    const eq_status status = eq_activation_range_float(plan, op, eq_binary_activation(op), &low, &high);
    if (status != EQ_OK) {
        return status;
    }
    r->kernels = plan->kernels;
    r->a_zero_point = in[0]->zero_points[0];
    r->b_zero_point = in[1]->zero_points[0];
    r->rescale = (eq_rescale){.zero_point = out->zero_points[0], .min = bound(low, out), .max = bound(high, out)};
    *binary = (eq_binary){run_rescaled, run_rescaled_scalar, r};
    return set_rescaled(plan, r, op, in, signs, out->scales[0]);
}

/* ---- MAXIMUM and MINIMUM compare the bytes ---- */

static void maximum_scalar(const int8_t *a, int8_t b, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = a[i] > b ? a[i] : b;
    }
}

static void minimum_scalar(const int8_t *a, int8_t b, int8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = a[i] < b ? a[i] : b;
    }
}

RUNS(run_maximum, q->kernels->maximum(a, b, out, n), (void)q; maximum_scalar(a, *(const int8_t *)b, out, n))
RUNS(run_minimum, q->kernels->minimum(a, b, out, n), (void)q; minimum_scalar(a, *(const int8_t *)b, out, n))

/* ---- the choice ---- */

eq_status eq_quantized_binary(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, eq_binary *binary) {
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    const eq_tensor *in[2] = {eq_plan_input(plan, op, shape->slots[0]), eq_plan_input(plan, op, shape->slots[1])};
    eq_quantized *q = eq_plan_take(plan, sizeof *q);
    if (!q) {
        return (eq_status)plan->error->status;
    }
    eq_status status = eq_check_int8(plan, op, in[0], "an input");
    if (status == EQ_OK) {
        status = eq_check_int8(plan, op, in[1], "an input");
    }
    if (status == EQ_OK) {
        status = eq_check_int8(plan, op, out, "the output");
    }
    int32_t min = 0, max = 0;
    if (status == EQ_OK) {
        status = eq_activation_range(plan, op, eq_binary_activation(op), out, &min, &max);
    }
    if (status != EQ_OK) {
        return status;
    }

    const float ratios[2] = {in[0]->scales[0] / out->scales[0], in[1]->scales[0] / out->scales[0]};
    const float product = in[0]->scales[0] * in[1]->scales[0] / out->scales[0];
    const int32_t minus = op->code == EQ_OP_SUB ? -1 : 1;
    const int32_t signs[2] = {shape->slots[0] == 1 ? minus : 1, shape->slots[1] == 1 ? minus : 1};
    const bool small_rank = out->rank <= 6; /* XNNPACK's limit */
    q->kernels = plan->kernels;
    q->in_scale = in[0]->scales[0];
    q->out_scale = out->scales[0];
    q->shift = out->file_type == EQ_UINT8 ? 128 : 0;
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
        if (!small_rank || !takes_ratio(ratios[0]) || !takes_ratio(ratios[1])) {
            break;
        }
        set_add(&q->add, in, ratios, signs);
        *binary = (eq_binary){run_add, run_add_scalar, q};
        return EQ_OK;
    case EQ_OP_MUL:
        if (!small_rank || product < 0x1p-16f || product >= 0x1p8f) {
            break;
        }
        *binary = (eq_binary){run_multiply, run_multiply_scalar, q};
        if (op->inputs[0] == op->inputs[1]) {
            *binary = (eq_binary){run_square, run_square, q};
        }
        return EQ_OK;
    case EQ_OP_SQUARED_DIFFERENCE:
    case EQ_OP_PRELU:
        break;
    default:
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "does not take int8 tensors");
    }
    return prepare_rescaled(plan, op, in, signs, binary);
}
