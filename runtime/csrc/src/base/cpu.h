/* What this CPU and its operating system let us execute. */
#ifndef EQ_CPU_H
#define EQ_CPU_H

#include <stdbool.h>
#include <stdint.h>

typedef enum eq_cpu_feature {
    /* x86-64; with the registers that the operating system saves */
    EQ_CPU_AVX2, /* and FMA, which comes with it */
    EQ_CPU_AVXVNNI,
    EQ_CPU_AVX512, /* F, BW, DQ and VL */
    EQ_CPU_AVX512VNNI,
    EQ_CPU_AVX512VBMI,
    /* ARM, 32 and 64 bit */
    EQ_CPU_ARMV6, /* the 16-bit multiply-accumulate instructions; 32 bit only */
    EQ_CPU_NEON,  /* with fused multiply-add */
    EQ_CPU_DOTPROD,
    EQ_CPU_I8MM,
    EQ_CPU_FP16, /* half-precision vector arithmetic */
    EQ_CPU_BF16,
    EQ_CPU_FEATURES,
} eq_cpu_feature;

typedef struct eq_cpu {
    uint32_t features; /* bit i: an eq_cpu_feature */
} eq_cpu;

void eq_cpu_detect(eq_cpu *cpu);
bool eq_cpu_has(const eq_cpu *cpu, eq_cpu_feature feature);

#endif
