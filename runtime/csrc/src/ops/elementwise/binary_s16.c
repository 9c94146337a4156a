/* ADD, SUB, MUL, MAXIMUM and MINIMUM of int16 tensors, quantized without zero points, by LiteRT's own kernels, and MAXIMUM and
 * MINIMUM of plain int16. docs/arithmetic.md has the formulas. */
#include <math.h>

#include "arithmetic/arithmetic.h"
#include "arithmetic/fixed_point.h"
#include "arithmetic/portable_math.h"
#include "binary.h"
#include "ops/quantization.h"
#include "plan/operator.h"
#include "runs.h"

typedef struct eq_scaled_s16 {
    eq_fixed in[2]; /* to the common unit */
    int32_t signs[2];
    eq_fixed out;
    int32_t shifts[2]; /* to the right, where all scales are powers of two */
    int32_t min, max;
} eq_scaled_s16;

static int16_t clamp(const eq_scaled_s16 *s, int32_t x) {
    return (int16_t)eq_clamp(x, s->min, s->max);
}

static int16_t sum(const eq_scaled_s16 *s, int32_t a, int32_t b) {
    const int32_t x = eq_fixed_multiply(eq_shift_left(a, 15), s->in[0]), y = eq_fixed_multiply(eq_shift_left(b, 15), s->in[1]);
    return clamp(s, eq_fixed_multiply(eq_add_wrapping(s->signs[0] * x, s->signs[1] * y), s->out));
}

/* Scales of powers of two, the output's being the largest input's: LSTM cells of old. */
static int16_t shifted_sum(const eq_scaled_s16 *s, int32_t a, int32_t b) {
    const int32_t x = eq_divide_by_power_of_two(a, s->shifts[0]), y = eq_divide_by_power_of_two(b, s->shifts[1]);
    return clamp(s, eq_clamp(s->signs[0] * x + s->signs[1] * y, INT16_MIN, INT16_MAX));
}

static int16_t product(const eq_scaled_s16 *s, int32_t a, int32_t b) {
    return clamp(s, eq_fixed_multiply(a * b, s->out));
}

EQ_RUNS(run_sum, int16_t, sum(parameters, a, b))
EQ_RUNS(run_shifted_sum, int16_t, shifted_sum(parameters, a, b))
EQ_RUNS(run_product, int16_t, product(parameters, a, b))
EQ_RUNS(run_maximum, int16_t, a > b ? a : b)
EQ_RUNS(run_minimum, int16_t, a < b ? a : b)

/* The exponent of a scale that is a power of two, as LiteRT finds it (CheckedLog2). */
static bool is_power_of_two(float scale, int32_t *exponent) {
    const float x = (float)(eq_log((double)scale) * (1.0 / 0.69314718055994530942));
    *exponent = (int32_t)roundf(x);
    return fabsf(x - roundf(x)) < 1e-3f;
}

static bool shifts(const eq_tensor *const in[2], const eq_tensor *out, eq_scaled_s16 *s) {
    int32_t a, b, result;
    if (!is_power_of_two(in[0]->scales[0], &a) || !is_power_of_two(in[1]->scales[0], &b) ||
        !is_power_of_two(out->scales[0], &result)) {
        return false;
    }
    s->shifts[0] = result - a;
    s->shifts[1] = result - b;
    return true;
}

static eq_status set_sum(eq_plan *plan, const eq_operator *op, const eq_tensor *const in[2], eq_scaled_s16 *s,
                         eq_binary *binary) {
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    *binary = (eq_binary){EQ_RUN_PAIR(run_sum), s};
    if (eq_option_bool(op, 1, true) && shifts(in, out, s)) {
        if (s->shifts[0] < 0 || s->shifts[1] < 0 || (s->shifts[0] > 0 && s->shifts[1] > 0) || s->shifts[0] > 31 ||
            s->shifts[1] > 31) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "has int16 scales, powers of two, that do not fit each other");
        }
        *binary = (eq_binary){EQ_RUN_PAIR(run_shifted_sum), s};
        return EQ_OK;
    }
    const float a = in[0]->scales[0], b = in[1]->scales[0];
    const double unit = 2 * (double)(a > b ? a : b);
    s->in[0] = eq_fixed_from((double)a / unit);
    s->in[1] = eq_fixed_from((double)b / unit);
    s->out = eq_fixed_from(unit / ((1 << 15) * (double)out->scales[0]));
    return EQ_OK;
}

/* ---- ADD of two tensors of one shape: sixteen values at a time, which LiteRT shifts before it multiplies ---- */

enum { SIXTEEN = 16, CHUNK = 4096 }; /* values of LiteRT's loop; of a unit */

typedef struct eq_sixteens {
    const eq_scaled_s16 *sum;
    size_t elements;
} eq_sixteens;

/* But for sizes of 1 in front. */
static bool is_one_shape(const eq_plan *plan, const eq_operator *op) {
    const int64_t elements = eq_tensor_elements(eq_plan_output(plan, op, 0));
    return eq_tensor_elements(eq_plan_input(plan, op, 0)) == elements &&
           eq_tensor_elements(eq_plan_input(plan, op, 1)) == elements;
}

static int32_t shifted_product(int32_t x, eq_fixed factor) {
    const int32_t left = 15 + factor.shift;
    return eq_doubling_high_product(left < 0 ? x >> -left : eq_shift_left(x, left), factor.multiplier);
}

static void run_sixteens(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    const eq_sixteens *sixteens = step->data;
    const eq_scaled_s16 *s = sixteens->sum;
    const int16_t *a = storage[step->inputs[0].tensor].data, *b = storage[step->inputs[1].tensor].data;
    int16_t *out = storage[step->outputs[0].tensor].data;
    const size_t end = (size_t)last * CHUNK < sixteens->elements ? (size_t)last * CHUNK : sixteens->elements;
    size_t i = (size_t)first * CHUNK;
    (void)scratch;
    for (const size_t body = end / SIXTEEN * SIXTEEN; i < body; ++i) {
        const int32_t x = shifted_product(a[i], s->in[0]) + shifted_product(b[i], s->in[1]);
        out[i] = clamp(s, eq_fixed_multiply(x, s->out));
    }
    for (; i < end; ++i) {
        out[i] = sum(s, a[i], b[i]);
    }
}

static eq_status sixteens_step(eq_plan *plan, const eq_operator *op, const eq_scaled_s16 *s) {
    eq_step *step = eq_plan_step(plan, op, run_sixteens, sizeof(eq_sixteens), 2, 1);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    const size_t elements = (size_t)eq_tensor_elements(eq_plan_output(plan, op, 0));
    *(eq_sixteens *)step->data = (eq_sixteens){s, elements};
    step->inputs[0].tensor = op->inputs[0];
    step->inputs[1].tensor = op->inputs[1];
    step->outputs[0].tensor = op->outputs[0];
    step->units = (int32_t)((elements + CHUNK - 1) / CHUNK);
    step->cost = elements * sizeof(int16_t);
    step->floats = true;
    return EQ_OK;
}

static eq_status set_scaled(eq_plan *plan, const eq_operator *op, const eq_broadcast *shape, eq_binary *binary) {
    const eq_tensor *in[2] = {eq_plan_input(plan, op, shape->slots[0]), eq_plan_input(plan, op, shape->slots[1])};
    const eq_tensor *out = eq_plan_output(plan, op, 0);
    eq_status status;
    if ((status = eq_check_int16(plan, op, in[0], "an input")) != EQ_OK ||
        (status = eq_check_int16(plan, op, in[1], "an input")) != EQ_OK ||
        (status = eq_check_int16(plan, op, out, "the output")) != EQ_OK) {
        return status;
    }
    if (in[0]->zero_points[0] != 0 || in[1]->zero_points[0] != 0 || out->zero_points[0] != 0) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes int16 without zero points only");
    }
    eq_scaled_s16 *s = eq_plan_take(plan, sizeof *s);
    if (!s) {
        return (eq_status)plan->error->status;
    }
    if ((status = eq_activation_range_litert(plan, op, eq_binary_activation(op), out, &s->min, &s->max)) != EQ_OK) {
        return status;
    }
    for (int32_t k = 0; k < 2; ++k) {
        s->signs[k] = op->code == EQ_OP_SUB && shape->slots[k] == 1 ? -1 : 1;
    }
    if (op->code == EQ_OP_ADD || op->code == EQ_OP_SUB) {
        return set_sum(plan, op, in, s, binary);
    }
    s->out = eq_fixed_from((double)(in[0]->scales[0] * in[1]->scales[0] / out->scales[0]));
    *binary = (eq_binary){EQ_RUN_PAIR(run_product), s};
    return EQ_OK;
}

eq_status eq_prepare_binary_s16(eq_plan *plan, const eq_operator *op) {
    eq_broadcast shape;
    eq_binary binary = {NULL, NULL, NULL};
    eq_status status = eq_plan_arity(plan, op, 2, 2, 0, 1);
    if (status != EQ_OK || (status = eq_broadcast_shape(plan, op, &shape)) != EQ_OK) {
        return status;
    }
    if (eq_plan_output(plan, op, 0)->type != EQ_INT16) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "mixes types");
    }
    if (op->code == EQ_OP_MAXIMUM) {
        binary = (eq_binary){EQ_RUN_PAIR(run_maximum), NULL};
    } else if (op->code == EQ_OP_MINIMUM) {
        binary = (eq_binary){EQ_RUN_PAIR(run_minimum), NULL};
    } else if ((status = set_scaled(plan, op, &shape, &binary)) != EQ_OK) {
        return status;
    }
    if (op->code == EQ_OP_ADD && binary.run == run_sum && is_one_shape(plan, op)) {
        return sixteens_step(plan, op, binary.parameters);
    }
    return eq_broadcast_step(plan, op, &shape, &binary);
}

EQ_OPERATOR(ADD, eq_prepare_binary_s16, INT16, INT16);
EQ_OPERATOR(SUB, eq_prepare_binary_s16, INT16, INT16);
EQ_OPERATOR(MUL, eq_prepare_binary_s16, INT16, INT16);
EQ_OPERATOR(MAXIMUM, eq_prepare_binary_s16, INT16, INT16);
EQ_OPERATOR(MINIMUM, eq_prepare_binary_s16, INT16, INT16);
