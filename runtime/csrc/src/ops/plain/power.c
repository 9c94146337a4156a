/* POW: float32 by exponentials and logarithms in double precision, int32 by multiplication, wrapping. */
#include <math.h>

#include "arithmetic/functions_f32.h"
#include "plan/operator.h"
#include "ops/stepped.h"

/* C's pow, of floats. */
static float power_f32(float base, float exponent) {
    const double x = (double)base, y = (double)exponent;
    if (exponent == 0 || base == 1) {
        return 1;
    }
    if (isnan(base) || isnan(exponent)) {
        return base + exponent;
    }
    const bool is_whole = floor(y) == y, is_odd = is_whole && fabs(y) < 0x1p53 && fmod(y, 2) != 0;
    if (base == 0 || isinf(base)) {
        const bool grows = (base == 0) == (exponent < 0);
        const float size = grows ? INFINITY : 0;
        return is_odd && signbit(base) ? -size : size;
    }
    if (isinf(exponent)) {
        const float size = fabsf(base);
        return size == 1 ? 1 : (size > 1) == (exponent > 0) ? INFINITY : 0;
    }
    if (base < 0 && !is_whole) {
        return NAN;
    }
    const double exponent_of_e = y * eq_log_of_f32(fabs(x));
    const double size = eq_exp_of_f32(exponent_of_e < -110 ? -110 : exponent_of_e > 100 ? 100 : exponent_of_e);
    return (float)(base < 0 && is_odd ? -size : size);
}

/* LiteRT refuses negative exponents when it runs; here they give what is left of 1 / base without its fraction. */
static int32_t power_i32(int32_t base, int32_t exponent) {
    if (exponent < 0) {
        return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
    }
    uint32_t result = 1, factor = (uint32_t)base;
    for (uint32_t left = (uint32_t)exponent; left > 0; left >>= 1, factor *= factor) {
        result *= left & 1 ? factor : 1;
    }
    return (int32_t)result;
}

static bool run_power(const eq_stepped *stepped, const void *first, size_t first_step, const void *second, size_t second_step,
                      void *out, size_t n) {
    if (stepped->type == EQ_FLOAT32) {
        EQ_STEPPED(float, power_f32(a, b))
    }
    EQ_STEPPED(int32_t, power_i32(a, b))
}

eq_status eq_prepare_pow(eq_plan *plan, const eq_operator *op) {
    return eq_stepped_operator(plan, op, run_power);
}

EQ_OPERATOR(POW, eq_prepare_pow, FLOAT32, FLOAT32);
EQ_OPERATOR(POW, eq_prepare_pow, INT32, INT32);
