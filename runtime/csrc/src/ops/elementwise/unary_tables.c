/* What each operator of one int8 input gives for its 256 possible values. docs/arithmetic.md has the formulas.
 *
 * XNNPACK takes LOGISTIC, TANH and ELU for any scales, LEAKY_RELU and QUANTIZE for most; LiteRT's own kernels do the rest. */
#include <math.h>

#include "arithmetic/arithmetic.h"
#include "arithmetic/fixed_point.h"
#include "arithmetic/portable_math.h"
#include "read/operator_codes.h"
#include "unary.h"

/* An operator's options, an int8 tensor's values and what they mean. Numbers are the file's: 0 to 255 for a tensor that is uint8 there. */
typedef struct eq_unary {
    float in_scale, out_scale;
    int32_t in_zero_point, out_zero_point;
    int32_t lowest, highest; /* of the output */
    float alpha;             /* LEAKY_RELU's slope */
    bool approximate;        /* GELU by tanh */
} eq_unary;

typedef int32_t (*eq_unary_value)(const eq_unary *u, int32_t q);

/* ---- by float functions ---- */

/* A whole number as an integer, within the range that any later clamp leaves alone. NaN is 0. */
static int32_t to_int(float x) {
    return isnan(x) ? 0 : (int32_t)fmaxf(fminf(x, 65536.0f), -65536.0f);
}

static float real(const eq_unary *u, int32_t q) {
    return u->in_scale * (float)(q - u->in_zero_point);
}

/* XNNPACK rounds after it added the zero point, halves to even. */
static int32_t quantize_xnnpack(const eq_unary *u, float y) {
    return to_int(rintf(y * (1.0f / u->out_scale) + (float)u->out_zero_point));
}

/* LiteRT's tables (LUTPopulate) before, halves away from zero. */
static int32_t quantize_litert(const eq_unary *u, float y) {
    return to_int(roundf(y * (1.0f / u->out_scale))) + u->out_zero_point;
}

static int32_t logistic(const eq_unary *u, int32_t q) {
    const float x = real(u, q);
    const double e = eq_exp((double)x);
    return quantize_xnnpack(u, x > 100 ? 1 : x < -100 ? 0 : (float)(e / (1 + e)));
}

static int32_t hyperbolic_tangent(const eq_unary *u, int32_t q) {
    return quantize_xnnpack(u, (float)eq_tanh((double)real(u, q)));
}

static int32_t elu(const eq_unary *u, int32_t q) {
    const float x = real(u, q);
    return quantize_xnnpack(u, x < 0 ? (float)eq_exp_minus_1((double)x) : x);
}

static int32_t exponential(const eq_unary *u, int32_t q) {
    return quantize_litert(u, (float)eq_exp((double)real(u, q)));
}

/* Where there is no logarithm: the lowest output. */
static int32_t logarithm(const eq_unary *u, int32_t q) {
    const float x = real(u, q);
    return x <= 0 ? u->lowest : quantize_litert(u, (float)eq_log((double)x));
}

/* LiteRT truncates. */
static int32_t square_root(const eq_unary *u, int32_t q) {
    const float x = real(u, q);
    return x < 0 ? u->lowest : to_int(truncf(sqrtf(x) / u->out_scale)) + u->out_zero_point;
}

static int32_t gelu(const eq_unary *u, int32_t q) {
    const float x = real(u, q), half = 0.5f * x;
    if (u->approximate) {
        const float inner = 0.7978845608028654f * (x + 0.044715f * x * x * x);
        return quantize_litert(u, half * (1.0f + (float)eq_tanh((double)inner)));
    }
    return quantize_litert(u, half * (float)eq_erfc((double)(x * -0.70710678118654752f)));
}

/* ---- by integers ---- */

/* XNNPACK's products with factors of 8 fractional bits. */
static int32_t multiply_8_bits(const eq_unary *u, int32_t x, int32_t multiplier) {
    return (u->out_zero_point * 256 + 128 + x * multiplier) >> 8;
}

static int32_t rescale(const eq_unary *u, int32_t x) {
    return eq_add_wrapping(eq_fixed_multiply(x, eq_fixed_from(u->in_scale / u->out_scale)), u->out_zero_point);
}

static int32_t requantize(const eq_unary *u, int32_t q) {
    const float ratio = u->in_scale / u->out_scale;
    const int32_t x = q - u->in_zero_point;
    if (ratio >= 0x1p-8f && ratio <= 0x1p7f) {
        return multiply_8_bits(u, x, (int32_t)lrintf(256.0f * ratio));
    }
    const double exact = (double)u->in_scale / (double)u->out_scale;
    return eq_add_wrapping(eq_fixed_multiply(x, eq_fixed_from(exact)), u->out_zero_point);
}

static int32_t leaky_relu(const eq_unary *u, int32_t q) {
    const float positive = u->in_scale / u->out_scale, negative = positive * u->alpha;
    const int32_t x = q - u->in_zero_point;
    if (positive >= 0x1p-8f && positive <= 0x1p7f && negative >= -127.99609375f && negative <= 128.0f &&
        fabsf(negative) >= 0x1p-8f) {
        return multiply_8_bits(u, x, (int32_t)lrintf(256.0f * (x >= 0 ? positive : negative)));
    }
    if (x >= 0) {
        return rescale(u, x);
    }
    const float scale = u->in_scale * u->alpha / u->out_scale;
    return eq_add_wrapping(eq_fixed_multiply(x, eq_fixed_from(scale)), u->out_zero_point);
}

static int32_t bound(const eq_unary *u, float y) {
    return to_int(roundf(y / u->out_scale)) + u->out_zero_point;
}

static int32_t relu(const eq_unary *u, int32_t q) {
    const int32_t y = rescale(u, q - u->in_zero_point), low = bound(u, 0);
    return y < low ? low : y;
}

static int32_t relu_6(const eq_unary *u, int32_t q) {
    return eq_clamp(rescale(u, q - u->in_zero_point), bound(u, 0), bound(u, 6));
}

static int32_t relu_n1_to_1(const eq_unary *u, int32_t q) {
    return eq_clamp(rescale(u, q - u->in_zero_point), bound(u, -1), bound(u, 1));
}

static int32_t relu_0_to_1(const eq_unary *u, int32_t q) {
    return eq_clamp(rescale(u, q - u->in_zero_point), bound(u, 0), bound(u, 1));
}

static int32_t absolute(const eq_unary *u, int32_t q) {
    const int32_t x = q < u->in_zero_point ? u->in_zero_point - q : q - u->in_zero_point;
    return u->in_scale == u->out_scale ? x + u->out_zero_point : rescale(u, x);
}

/* LiteRT negates the byte, whatever the scales and zero points. */
static int32_t negate(const eq_unary *u, int32_t q) {
    (void)u;
    return q == -128 ? q : -q;
}

/* 20 more fractional bits keep 1 / sqrt(x) precise. LiteRT stops at negative numbers; here they are as good as 0. */
static int32_t inverse_square_root(const eq_unary *u, int32_t q) {
    if (q <= u->in_zero_point) {
        return u->highest;
    }
    eq_fixed root = eq_fixed_inverse_square_root(q - u->in_zero_point);
    eq_fixed scale = eq_fixed_from(1.0 / (double)(sqrtf(u->in_scale) * u->out_scale));
    root.shift += 20;
    scale.shift -= 20;
    return eq_add_wrapping(eq_fixed_multiply(eq_fixed_multiply(1, root), scale), u->out_zero_point);
}

/* ---- HARD_SWISH: 16-bit arithmetic ---- */

static int32_t saturate_16(int32_t x) {
    return eq_clamp(x, INT16_MIN, INT16_MAX);
}

/* a * b / 2^15 to nearest, of 16-bit numbers. */
static int32_t high_product_16(int32_t a, int32_t b) {
    const int32_t product = a * b, nudge = product >= 0 ? 1 << 14 : 1 - (1 << 14);
    return saturate_16((product + nudge) / (1 << 15));
}

/* The high 16 bits of a multiplier. (DownScaleInt32ToInt16Multiplier) */
static int32_t multiplier_16(eq_fixed factor) {
    const int32_t half = 1 << 15;
    return factor.multiplier >= INT32_MAX - half ? INT16_MAX : (factor.multiplier + half) >> 16;
}

/* x * relu6(x + 3) / 6: the second factor, relu-ish, is made in units of 3/32768 and saturates at -3 and 3. */
static int32_t hard_swish(const eq_unary *u, int32_t q) {
    const float fine_scale = (1.0f / 128.0f) * u->in_scale;
    const eq_fixed out = eq_fixed_from((double)(fine_scale / u->out_scale));
    const eq_fixed reluish = eq_fixed_from((double)(fine_scale / (3.0f / 32768.0f)));
    const int32_t x = (q - u->in_zero_point) * 128;

    int32_t gate = x;
    if (reluish.shift > 0) {
        gate = saturate_16(gate * (1 << eq_clamp(reluish.shift - 1, 0, 15)));
    }
    gate = high_product_16(gate, multiplier_16(reluish));
    if (reluish.shift > 0) {
        gate = saturate_16(gate * 2);
    }
    if (reluish.shift < 0) {
        gate = eq_divide_by_power_of_two(gate, -reluish.shift);
    }
    gate = (gate + (1 << 15)) >> 1;

    const int32_t product = saturate_16(gate * high_product_16(x, multiplier_16(out)) / (1 << 15));
    return eq_divide_by_power_of_two(product, eq_clamp(-out.shift, 0, 31)) + u->out_zero_point;
}

/* ---- the table ---- */

static const struct {
    int32_t code;
    eq_unary_value value;
} values[] = {
    {EQ_OP_LOGISTIC, logistic},
    {EQ_OP_RELU, relu},
    {EQ_OP_RELU_N1_TO_1, relu_n1_to_1},
    {EQ_OP_RELU6, relu_6},
    {EQ_OP_TANH, hyperbolic_tangent},
    {EQ_OP_EXP, exponential},
    {EQ_OP_NEG, negate},
    {EQ_OP_LOG, logarithm},
    {EQ_OP_SQRT, square_root},
    {EQ_OP_RSQRT, inverse_square_root},
    {EQ_OP_LEAKY_RELU, leaky_relu},
    {EQ_OP_ABS, absolute},
    {EQ_OP_ELU, elu},
    {EQ_OP_QUANTIZE, requantize},
    {EQ_OP_HARD_SWISH, hard_swish},
    {EQ_OP_GELU, gelu},
    {EQ_OP_RELU_0_TO_1, relu_0_to_1},
};

bool eq_unary_table(const eq_operator *op, const eq_tensor *in, const eq_tensor *out, int8_t table[256]) {
    /* Sums of floats and zero points are rounded in the file's numbers. */
    const int32_t in_shift = in->file_type == EQ_UINT8 ? 128 : 0, out_shift = out->file_type == EQ_UINT8 ? 128 : 0;
    const eq_unary u = {
        .in_scale = in->scales[0],
        .out_scale = out->scales[0],
        .in_zero_point = in->zero_points[0] + in_shift,
        .out_zero_point = out->zero_points[0] + out_shift,
        .lowest = out_shift - 128,
        .highest = out_shift + 127,
        .alpha = op->code == EQ_OP_LEAKY_RELU ? eq_option_float(op, 0, 0) : 0,
        .approximate = op->code == EQ_OP_GELU && eq_option_bool(op, 0, false),
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (values[i].code != op->code) {
            continue;
        }
        for (int32_t q = 0; q < 256; q++) {
            table[q] = (int8_t)(eq_clamp(values[i].value(&u, q - 128 + in_shift), u.lowest, u.highest) - out_shift);
        }
        return true;
    }
    return false;
}
