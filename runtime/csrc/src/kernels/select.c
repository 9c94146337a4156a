/* The kernel sets of this architecture, slowest first, and what each needs of the CPU.
 *
 * <set>/set.h declares the set's functions and defines a macro with its members, which begins with the macro of the slower
 * set that it starts from: of two initializers of one member the later counts. */
#include <pthread.h>

#include "base/cpu.h"
#include "kernels.h"

#pragma GCC visibility push(hidden) /* else their addresses are the loader's to find, in a table of their own */
#include "kernels/scalar/set.h"

#if defined(__x86_64__)
#include "kernels/avx2/set.h"
#include "kernels/avx512/set.h"
#include "kernels/avx512vbmi/set.h"
#include "kernels/avx512vnni/set.h"
#include "kernels/avxvnni/set.h"
#elif defined(__aarch64__)
#include "kernels/dotprod/set.h"
#include "kernels/i8mm/set.h"
#include "kernels/neon/set.h"
#elif defined(__arm__)
#include "kernels/armv6/set.h"
#include "kernels/neon/set.h"
#endif
#pragma GCC visibility pop

#pragma GCC diagnostic ignored "-Woverride-init"

#define NEEDS(feature) (1u << EQ_CPU_##feature)

enum { MOST_SETS = 8 };

/* Filled by code and not by a table: a pointer in a table takes 32 bytes of a shared library, for itself and for what the loader
 * has to do to it. */
static struct {
    uint32_t needs; /* bits of eq_cpu.features */
    eq_kernels kernels;
} sets[MOST_SETS];
static int32_t set_count;
static pthread_once_t filled = PTHREAD_ONCE_INIT;

static eq_kernels *add(uint32_t needs) {
    sets[set_count].needs = needs;
    return &sets[set_count++].kernels;
}

/* `members` is the macro of a set. */
#define ADD(set_name, needs, members)                    \
    do {                                                 \
        eq_kernels *made = add(needs);                   \
        *made = (eq_kernels){.name = set_name, members}; \
    } while (0)

static void fill(void) {
    ADD("scalar", 0, EQ_SCALAR_WHOLE_SET);
#if defined(__x86_64__)
    ADD("avx2", NEEDS(AVX2), EQ_AVX2_SET);
    ADD("avxvnni", NEEDS(AVX2) | NEEDS(AVXVNNI), EQ_AVXVNNI_SET);
    ADD("avx512", NEEDS(AVX2) | NEEDS(AVX512), EQ_AVX512_SET);
    ADD("avx512vnni", NEEDS(AVX2) | NEEDS(AVX512) | NEEDS(AVX512VNNI), EQ_AVX512VNNI_SET);
    ADD("avx512vbmi", NEEDS(AVX2) | NEEDS(AVX512) | NEEDS(AVX512VNNI) | NEEDS(AVX512VBMI), EQ_AVX512VBMI_SET);
#elif defined(__aarch64__)
    ADD("neon", NEEDS(NEON), EQ_NEON_SET);
    ADD("dotprod", NEEDS(NEON) | NEEDS(DOTPROD) | NEEDS(FP16), EQ_DOTPROD_SET);
    ADD("i8mm", NEEDS(NEON) | NEEDS(DOTPROD) | NEEDS(FP16) | NEEDS(I8MM), EQ_I8MM_SET);
#elif defined(__arm__)
    ADD("armv6", NEEDS(ARMV6), EQ_ARMV6_SET);
    ADD("neon", NEEDS(NEON), EQ_NEON_SET);
#endif
}

const eq_kernels *eq_kernels_at(const eq_cpu *cpu, int32_t index) {
    if (index < 0 || pthread_once(&filled, fill) != 0) {
        return NULL;
    }
    for (int32_t i = 0; i < set_count; i++) {
        if ((cpu->features & sets[i].needs) == sets[i].needs && index-- == 0) {
            return &sets[i].kernels;
        }
    }
    return NULL;
}
