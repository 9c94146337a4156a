/* Operators of one int16 tensor, quantized without zero points, by LiteRT's own kernels: tables of 512 steps with lines between
 * them for functions, fixed point for the rest. docs/arithmetic.md has the formulas. */
#include <math.h>

#include "arithmetic/arithmetic.h"
#include "arithmetic/fixed_point.h"
#include "arithmetic/portable_math.h"
#include "arithmetic/sigmoid.h"
#include "elements.h"
#include "ops/quantization.h"
#include "plan/operator.h"

/* ---- functions by tables ---- */

enum { STEPS = 512 };

typedef struct eq_table_s16 {
    int16_t values[STEPS + 1]; /* of every 128th number */
} eq_table_s16;

typedef struct eq_function {
    int32_t code;
    float scale, lowest, highest; /* of the output */
    bool approximate;             /* GELU by tanh */
} eq_function;

static float value_of(const eq_function *f, float x) {
    switch (f->code) {
    case EQ_OP_EXP:
        return (float)eq_exp((double)x);
    case EQ_OP_LOG:
        return x <= 0 ? f->lowest : (float)eq_log((double)x);
    case EQ_OP_RSQRT:
        return x <= 0 ? f->highest : 1.0f / sqrtf(x);
    default: /* GELU */
        if (f->approximate) {
            return 0.5f * x * (1.0f + (float)eq_tanh((double)(0.7978845608028654f * (x + 0.044715f * x * x * x))));
        }
        return 0.5f * x * (float)eq_erfc((double)(x * -0.70710678118654752f));
    }
}

static int16_t entry(float value) {
    return (int16_t)fminf(fmaxf(value, -32768.0f), 32767.0f);
}

/* LUTPopulate: each entry is moved by half of the error that the line to the next one has in its middle. */
static void fill_table(const eq_function *f, float in_scale, eq_table_s16 *table) {
    const float low = in_scale * -32768.0f, high = in_scale * 32767.0f;
    const float step = (high - low) / STEPS, half = step / 2;
    const float inverse = 65536.0f / (f->scale * 32767.0f - f->scale * -32768.0f);
    for (int32_t i = 0; i < STEPS; ++i) {
        const float value = value_of(f, low + (float)i * step), middle = value_of(f, low + (float)i * step + half);
        const float next = value_of(f, low + (float)(i + 1) * step);
        const float sample = roundf(value * inverse);
        const float line = roundf((next * inverse + roundf(value * inverse)) / 2);
        table->values[i] = entry(sample - roundf((line - roundf(middle * inverse)) / 2));
    }
    table->values[STEPS] = entry(roundf(value_of(f, high) * inverse));
}

static void run_table(const void *data, const void *from, void *to, size_t n) {
    const eq_table_s16 *table = data;
    for (size_t i = 0; i < n; i++) {
        const int32_t x = ((const int16_t *)from)[i], place = 256 + (x >> 7);
        const int32_t base = table->values[place], slope = (int16_t)(table->values[place + 1] - base);
        ((int16_t *)to)[i] = (int16_t)(base + ((slope * (x & 127) + 64) >> 7));
    }
}

static eq_status check(eq_plan *plan, const eq_operator *op) {
    eq_status status = eq_plan_arity(plan, op, 1, 1, 0, 1);
    if (status != EQ_OK) {
        return status;
    }
    const eq_tensor *in = eq_plan_input(plan, op, 0), *out = eq_plan_output(plan, op, 0);
    if ((status = eq_check_int16(plan, op, in, "the input")) != EQ_OK ||
        (status = eq_check_int16(plan, op, out, "the output")) != EQ_OK) {
        return status;
    }
    return in->zero_points[0] == 0 && out->zero_points[0] == 0
               ? EQ_OK
               : eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "takes int16 without zero points only");
}

eq_status eq_prepare_function_s16(eq_plan *plan, const eq_operator *op) {
    eq_status status = check(plan, op);
    if (status != EQ_OK) {
        return status;
    }
    const float scale = eq_plan_output(plan, op, 0)->scales[0];
    const eq_function f = {
        .code = op->code,
        .scale = scale,
        .lowest = -32768.0f * scale,
        .highest = 32767.0f * scale,
        .approximate = op->code == EQ_OP_GELU && eq_option_bool(op, 0, false),
    };
    eq_table_s16 table;
    fill_table(&f, eq_plan_input(plan, op, 0)->scales[0], &table);
    return eq_elements_step(plan, op, run_table, &table, sizeof table);
}

/* ---- LOGISTIC and TANH: 256 values of the logistic function of 0 to 10.7, with lines between them ---- */

typedef struct eq_sigmoid {
    const eq_kernels *kernels;
    int32_t multiplier, shift; /* to units of 1 / (3 * 4096) */
} eq_sigmoid;

static int32_t input_of(const eq_sigmoid *s, int16_t x) {
    const int64_t round = s->shift > 0 ? INT64_C(1) << (s->shift - 1) : 0;
    return (int32_t)(((int64_t)x * s->multiplier + round) >> s->shift);
}

static void run_logistic(const void *data, const void *from, void *to, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((int16_t *)to)[i] = eq_sigmoid_s16(input_of(data, ((const int16_t *)from)[i]));
    }
}

static void run_tanh(const void *data, const void *from, void *to, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((int16_t *)to)[i] = eq_tanh_s16(input_of(data, ((const int16_t *)from)[i]));
    }
}

/* Of scales of 2^-12, as the gates of old LSTMs have, LiteRT computes with gemmlowp's fixed point; TANH of 2^-11 too, of the doubled numbers. */
static void run_fixed_logistic(const void *data, const void *from, void *to, size_t n) {
    ((const eq_sigmoid *)data)->kernels->fixed_logistic(from, to, n);
}

static void run_fixed_tanh(const void *data, const void *from, void *to, size_t n) {
    const eq_sigmoid *s = data;
    for (size_t i = 0; i < n; i++) {
        ((int16_t *)to)[i] = (int16_t)eq_clamp(((const int16_t *)from)[i] * s->multiplier, INT16_MIN, INT16_MAX);
    }
    s->kernels->fixed_tanh(to, 3, to, n);
}

eq_status eq_prepare_sigmoid_s16(eq_plan *plan, const eq_operator *op) {
    eq_status status = check(plan, op);
    if (status != EQ_OK) {
        return status;
    }
    const bool is_tanh = op->code == EQ_OP_TANH;
    const float scale = eq_plan_input(plan, op, 0)->scales[0];
    if (eq_plan_output(plan, op, 0)->scales[0] != 0x1p-15f) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs an int16 output of scale 1/32768");
    }
    eq_sigmoid s = {plan->kernels, .multiplier = scale == 0x1p-11f ? 2 : 1};
    if (scale == 0x1p-12f || (is_tanh && scale == 0x1p-11f)) {
        return eq_elements_step(plan, op, is_tanh ? run_fixed_tanh : run_fixed_logistic, &s, sizeof s);
    }
    double multiplier = (double)scale * 4096.0 * 3.0;
    for (; multiplier <= 32767.0 / 2 && s.shift <= 30; s.shift++) {
        multiplier *= 2;
    }
    if (!(multiplier < 65536)) {
        return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "needs a smaller scale of its input");
    }
    s.multiplier = (int32_t)multiplier;
    return eq_elements_step(plan, op, is_tanh ? run_tanh : run_logistic, &s, sizeof s);
}

/* ---- SQRT, in float ---- */

typedef struct eq_scales {
    float in, out;
} eq_scales;

static void run_square_root(const void *data, const void *from, void *to, size_t n) {
    const eq_scales *s = data;
    for (size_t i = 0; i < n; i++) {
        const float x = s->in * (float)((const int16_t *)from)[i];
        ((int16_t *)to)[i] = x < 0 ? INT16_MIN : (int16_t)fminf(truncf(sqrtf(x) / s->out), INT16_MAX);
    }
}

eq_status eq_prepare_square_root_s16(eq_plan *plan, const eq_operator *op) {
    const eq_status status = check(plan, op);
    if (status != EQ_OK) {
        return status;
    }
    const eq_scales s = {eq_plan_input(plan, op, 0)->scales[0], eq_plan_output(plan, op, 0)->scales[0]};
    return eq_elements_step(plan, op, run_square_root, &s, sizeof s);
}

/* ---- by fixed point: ABS, LEAKY_RELU and the RELU family ---- */

typedef struct eq_slopes {
    eq_fixed positive, negative;
    bool as_is; /* the positive values are not rescaled */
    int32_t min, max;
} eq_slopes;

static void run_slopes(const void *data, const void *from, void *to, size_t n) {
    const eq_slopes s = *(const eq_slopes *)data;
    for (size_t i = 0; i < n; i++) {
        const int32_t x = ((const int16_t *)from)[i];
        const int32_t y = eq_fixed_multiply(x, x < 0 ? s.negative : s.positive);
        ((int16_t *)to)[i] = (int16_t)eq_clamp(y, s.min, s.max);
    }
}

static void run_absolute(const void *data, const void *from, void *to, size_t n) {
    const eq_slopes *s = data;
    for (size_t i = 0; i < n; i++) {
        const int32_t x = ((const int16_t *)from)[i], size = x < 0 ? -x : x;
        ((int16_t *)to)[i] = (int16_t)eq_clamp(s->as_is ? size : eq_fixed_multiply(size, s->positive), s->min, s->max);
    }
}

static int32_t bound(float real, float scale) {
    return (int32_t)roundf(fmaxf(fminf(real / scale, 32767.0f), -32768.0f));
}

eq_status eq_prepare_slopes_s16(eq_plan *plan, const eq_operator *op) {
    eq_status status = check(plan, op);
    if (status != EQ_OK) {
        return status;
    }
    const float in = eq_plan_input(plan, op, 0)->scales[0], out = eq_plan_output(plan, op, 0)->scales[0];
    eq_slopes s = {.positive = eq_fixed_from((double)(in / out)), .min = INT16_MIN, .max = INT16_MAX};
    s.negative = s.positive;
    if (op->code == EQ_OP_LEAKY_RELU) {
        const float alpha = eq_option_float(op, 0, 0);
        if (!isfinite(alpha)) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "has a slope that is no finite number");
        }
        s.negative = eq_fixed_from((double)(in * alpha / out));
    } else if (op->code == EQ_OP_ABS) {
        s.as_is = in == out;
        return eq_elements_step(plan, op, run_absolute, &s, sizeof s);
    } else {
        s.min = 0;
        s.max = op->code == EQ_OP_RELU ? INT16_MAX : bound(6, out);
    }
    return eq_elements_step(plan, op, run_slopes, &s, sizeof s);
}

EQ_OPERATOR(EXP, eq_prepare_function_s16, INT16);
EQ_OPERATOR(LOG, eq_prepare_function_s16, INT16);
EQ_OPERATOR(RSQRT, eq_prepare_function_s16, INT16);
EQ_OPERATOR(GELU, eq_prepare_function_s16, INT16);
EQ_OPERATOR(SQRT, eq_prepare_square_root_s16, INT16);
EQ_OPERATOR(LOGISTIC, eq_prepare_sigmoid_s16, INT16);
EQ_OPERATOR(TANH, eq_prepare_sigmoid_s16, INT16);
EQ_OPERATOR(ABS, eq_prepare_slopes_s16, INT16);
EQ_OPERATOR(LEAKY_RELU, eq_prepare_slopes_s16, INT16);
EQ_OPERATOR(RELU, eq_prepare_slopes_s16, INT16);
EQ_OPERATOR(RELU6, eq_prepare_slopes_s16, INT16);
