#include "cpu.h"

#include <stdio.h>
#include <string.h>

#include "edgequant.h"
#include "kernels/kernels.h"

static const char *const feature_names[EQ_CPU_FEATURES] = {
    [EQ_CPU_AVX2] = "avx2",
    [EQ_CPU_AVXVNNI] = "avxvnni",
    [EQ_CPU_AVX512] = "avx512",
    [EQ_CPU_AVX512VNNI] = "avx512vnni",
    [EQ_CPU_AVX512VBMI] = "avx512vbmi",
    [EQ_CPU_ARMV6] = "armv6",
    [EQ_CPU_NEON] = "neon",
    [EQ_CPU_DOTPROD] = "dotprod",
    [EQ_CPU_I8MM] = "i8mm",
    [EQ_CPU_FP16] = "fp16",
    [EQ_CPU_BF16] = "bf16",
};

/* The ARM features that the compiler was told of: it may use them anywhere. */
enum {
    COMPILED_FOR = 0
#ifdef __ARM_NEON
    | 1u << EQ_CPU_NEON
#endif
#ifdef __ARM_FEATURE_DOTPROD
    | 1u << EQ_CPU_DOTPROD
#endif
#ifdef __ARM_FEATURE_MATMUL_INT8
    | 1u << EQ_CPU_I8MM
#endif
#ifdef __ARM_FEATURE_FP16_VECTOR_ARITHMETIC
    | 1u << EQ_CPU_FP16
#endif
#ifdef __ARM_FEATURE_BF16_VECTOR_ARITHMETIC
    | 1u << EQ_CPU_BF16
#endif
};

bool eq_cpu_has(const eq_cpu *cpu, eq_cpu_feature feature) {
    return cpu->features >> feature & 1;
}

/* A feature that is there if all bits of `mask` are set in one register or auxiliary vector. */
typedef struct feature_bits {
    eq_cpu_feature feature;
    int word;
    uint32_t mask;
} feature_bits;

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

#define ARCHITECTURE "x86_64"

enum { LEAF7_EBX, LEAF7_ECX, LEAF7_1_EAX, WORDS };

static const feature_bits ymm_features[] = {
    {EQ_CPU_AVX2, LEAF7_EBX, 1u << 5},
    {EQ_CPU_AVXVNNI, LEAF7_1_EAX, 1u << 4},
};

static const feature_bits zmm_features[] = {
    {EQ_CPU_AVX512, LEAF7_EBX, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31},
    {EQ_CPU_AVX512VNNI, LEAF7_ECX, 1u << 11},
    {EQ_CPU_AVX512VBMI, LEAF7_ECX, 1u << 1},
};

/* The registers that the operating system saves: XCR0. */
static uint32_t saved_state(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static void add_features(eq_cpu *cpu, const uint32_t *words, const feature_bits *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if ((words[rows[i].word] & rows[i].mask) == rows[i].mask) {
            cpu->features |= 1u << rows[i].feature;
        }
    }
}

void eq_cpu_detect(eq_cpu *cpu) {
    const uint32_t osxsave_avx_and_fma = 1u << 27 | 1u << 28 | 1u << 12, ymm_state = 0x6, zmm_state = 0xe6;
    uint32_t words[WORDS] = {0}, a, b, c, d;
    memset(cpu, 0, sizeof *cpu);
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & osxsave_avx_and_fma) != osxsave_avx_and_fma) {
        return;
    }
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        return;
    }
    words[LEAF7_EBX] = b;
    words[LEAF7_ECX] = c;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
        words[LEAF7_1_EAX] = a;
    }
    const uint32_t state = saved_state();
    if ((state & ymm_state) == ymm_state) {
        add_features(cpu, words, ymm_features, sizeof ymm_features / sizeof *ymm_features);
    }
    if ((state & zmm_state) == zmm_state) {
        add_features(cpu, words, zmm_features, sizeof zmm_features / sizeof *zmm_features);
    }
}

#elif (defined(__aarch64__) || defined(__arm__)) && defined(__linux__)
#include <sys/auxv.h>

/* The kernel's HWCAP bits, which old headers lack. */
#ifdef __aarch64__
#define ARCHITECTURE "aarch64"
static const feature_bits features[] = {
    {EQ_CPU_NEON, AT_HWCAP, 1u << 1},   {EQ_CPU_DOTPROD, AT_HWCAP, 1u << 20}, {EQ_CPU_FP16, AT_HWCAP, 1u << 10},
    {EQ_CPU_I8MM, AT_HWCAP2, 1u << 13}, {EQ_CPU_BF16, AT_HWCAP2, 1u << 14},
};
#else
#define ARCHITECTURE "arm"
static const feature_bits features[] = {
    {EQ_CPU_ARMV6, AT_HWCAP, 1u << 7 /* EDSP; the library itself needs ARMv6 */},
    {EQ_CPU_NEON, AT_HWCAP, 1u << 12 | 1u << 16 /* with VFPv4's fused multiply-add: Cortex-A7 and later */},
    {EQ_CPU_FP16, AT_HWCAP, 1u << 23},
    {EQ_CPU_DOTPROD, AT_HWCAP, 1u << 24},
    {EQ_CPU_BF16, AT_HWCAP, 1u << 26},
    {EQ_CPU_I8MM, AT_HWCAP, 1u << 27},
};
#endif

void eq_cpu_detect(eq_cpu *cpu) {
    memset(cpu, 0, sizeof *cpu);
#ifdef EQ_ASSUME_FEATURES
    cpu->features = COMPILED_FOR;
#endif
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        if ((getauxval((unsigned long)features[i].word) & features[i].mask) == features[i].mask) {
            cpu->features |= 1u << features[i].feature;
        }
    }
}

#else

#ifdef __aarch64__
#define ARCHITECTURE "aarch64"
#else
#define ARCHITECTURE "other"
#endif

void eq_cpu_detect(eq_cpu *cpu) {
    memset(cpu, 0, sizeof *cpu);
    cpu->features = COMPILED_FOR;
}

#endif

/* Text that grows as far as there is room, and is counted past that. */
typedef struct writer {
    char *text;
    size_t capacity, length;
} writer;

static void write_string(writer *to, const char *string) {
    for (; *string; string++, to->length++) {
        if (to->length + 1 < to->capacity) {
            to->text[to->length] = *string;
        }
    }
}

static void write_item(writer *to, const char *name, bool is_first) {
    write_string(to, is_first ? "\"" : ", \"");
    write_string(to, name);
    write_string(to, "\"");
}

size_t eq_cpu_json(char *text, size_t capacity) {
    writer to = {text, capacity, 0};
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
    write_string(&to, "{\"architecture\": \"" ARCHITECTURE "\", \"features\": [");
    bool is_first = true;
    for (int i = 0; i < EQ_CPU_FEATURES; i++) {
        if (eq_cpu_has(&cpu, (eq_cpu_feature)i)) {
            write_item(&to, feature_names[i], is_first);
            is_first = false;
        }
    }
    write_string(&to, "], \"kernels\": [");
    const eq_kernels *kernels;
    for (int32_t i = 0; (kernels = eq_kernels_at(&cpu, i)); i++) {
        write_item(&to, kernels->name, i == 0);
    }
    write_string(&to, "]}");
    if (capacity) {
        text[to.length < capacity ? to.length : capacity - 1] = 0;
    }
    return to.length;
}

const char *eq_kernels_name(int32_t index) {
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
    const eq_kernels *kernels = eq_kernels_at(&cpu, index);
    return kernels ? kernels->name : NULL;
}
