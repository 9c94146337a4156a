/* Functions of float32: within one unit in the last place of libm's double precision over all exponents, but for GELU, what is not a
 * number or infinite as C has it, and the same bits on every CPU: a checksum of a million results each. */
#include <stdio.h>

#include "arithmetic/functions_f32.h"

static float sine(float x) {
    return eq_sine_f32(x, 0);
}

static float cosine(float x) {
    return eq_sine_f32(x, 1);
}

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

static double gelu(double x) {
    return 0.5 * x * erfc(-x * 0.70710678118654752440);
}

typedef struct function {
    const char *name;
    float (*ours)(float x);
    double (*theirs)(double x);
    uint32_t checksum;
} function;

static const function functions[] = {
    {"exp", eq_exp_f32, exp, 0x56f5ed51},    {"exp - 1", eq_exp_minus_1_f32, expm1, 0xe56d340c},
    {"tanh", eq_tanh_f32, tanh, 0x51622b4b}, {"logistic", eq_logistic_f32, logistic, 0xfb533fb1},
    {"log", eq_log_f32, log, 0xe32cd77d},    {"gelu", eq_gelu_f32, gelu, 0x5d434458},
    {"sine", sine, sin, 0x3d73fc2d},         {"cosine", cosine, cos, 0xf9c2aa40},
};

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Not a number has many bits, which differ between CPUs. What GELU gives for negative numbers is a difference: near to them. */
static int is_near(const function *f, float x, float ours) {
    const float theirs = (float)f->theirs((double)x);
    if (isnan(theirs) || isnan(ours)) {
        return (isnan(theirs) && isnan(ours)) || (f->ours == eq_gelu_f32 && x == -INFINITY && ours == 0);
    }
    if (f->ours == eq_gelu_f32) {
        return ours == theirs || (fabsf(ours - theirs) <= 3e-7f * fabsf(x) + 0x1p-149f && (x > 0) == (ours > 0));
    }
    return ours == theirs || ours == nextafterf(theirs, INFINITY) || ours == nextafterf(theirs, -INFINITY);
}

int main(void) {
    int failures = 0;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const function *f = &functions[i];
        uint32_t checksum = 0;
        long far = 0;
        for (uint64_t bits = 0; bits < 0x100000000; bits += 4093) {
            const float x = float_of((uint32_t)bits), y = f->ours(x);
            if (!is_near(f, x, y) && far++ == 0) {
                printf("%s(%a) is %a and not near %a\n", f->name, (double)x, (double)y, f->theirs((double)x));
            }
            checksum = 31 * checksum + (isnan(y) ? 0 : bits_of(y));
        }
        const float edges[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 1, -1, 0x1p-149f, 88.72284f, -103.9721f};
        for (size_t k = 0; k < sizeof edges / sizeof *edges; k++) {
            far += !is_near(f, edges[k], f->ours(edges[k]));
        }
        if (far != 0 || checksum != f->checksum) {
            printf("%s: %ld results are far from libm's, checksum 0x%08x\n", f->name, far, (unsigned)checksum);
            failures++;
        }
    }
    return failures != 0;
}
