/* Functions of one float32 that sets compute with fused multiply-adds, against the same without: equal for every number there is.
 *
 *     every_float_test [BLOCKS]     so many blocks of 4,096 neighbours, spread over exponents and mantissas: 1048576 are all numbers,
 *                                   20 minutes */
#include "arithmetic/functions_f32.h"
#include "random_cases.h"
#include "read/operator_codes.h"

enum { BLOCK = 4096, MOST_BLOCKS = 1 << 20 };

/* From a block to the next: as it is odd all of them come, and as it is the golden part of them, any number is spread evenly. */
enum { STRIDE = 648055 };

static float elu(float x) {
    return x < 0 ? eq_exp_minus_1_f32(x) : x;
}

static float hard_swish(float x) {
    const float gate = (float)((double)x * (double)(1.0f / 6) + 0.5);
    return x * (gate < 0 ? 0 : gate > 1 ? 1 : gate);
}

static const struct function {
    int32_t code;
    float (*plain)(float x);
} functions[] = {{EQ_OP_EXP, eq_exp_f32}, {EQ_OP_TANH, eq_tanh_f32},      {EQ_OP_LOGISTIC, eq_logistic_f32},
                 {EQ_OP_ELU, elu},        {EQ_OP_HARD_SWISH, hard_swish}, {EQ_OP_GELU, eq_gelu_f32}};

/* Whether all sets have what C has for a block of numbers. */
static bool is_equal(const eq_cpu *cpu, const struct function *f, const float in[BLOCK]) {
    const eq_unary_f32 options = {.code = f->code};
    float expected[BLOCK], actual[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        expected[i] = f->plain(in[i]);
    }
    const eq_kernels *set;
    for (int32_t s = 0; (set = eq_kernels_at(cpu, s)); s++) {
        set->unary_f32(&options, in, actual, BLOCK);
        for (int i = 0; memcmp(expected, actual, sizeof actual) != 0 && i < BLOCK; i++) {
            if (memcmp(&expected[i], &actual[i], sizeof *actual) != 0 && !(isnan(expected[i]) && isnan(actual[i]))) {
                printf("%s, operator %d: of %a it is %a, not %a\n", set->name, (int)f->code, (double)in[i], (double)actual[i],
                       (double)expected[i]);
                return false;
            }
        }
    }
    return true;
}

int main(int argc, char **argv) {
    const long blocks = argc > 1 ? atol(argv[1]) : 512;
    if (blocks < 1 || blocks > MOST_BLOCKS) {
        fprintf(stderr, "usage: every_float_test [BLOCKS, 1 to %d]\n", MOST_BLOCKS);
        return SKIPPED;
    }
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
    for (long b = 0; b < blocks; b++) {
        float in[BLOCK];
        for (uint32_t i = 0; i < BLOCK; i++) {
            const uint32_t bits = (uint32_t)b * STRIDE % MOST_BLOCKS * BLOCK + i;
            memcpy(&in[i], &bits, sizeof bits);
        }
        for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
            if (!is_equal(&cpu, &functions[f], in)) {
                return 1;
            }
        }
    }
    return 0;
}
