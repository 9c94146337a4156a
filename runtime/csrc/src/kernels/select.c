/* The kernel sets of this architecture, slowest first, and what each needs of the CPU.
 *
 * <set>/set.h declares the set's functions and defines a macro with its members, which begins with the macro of the slower
 * set that it starts from: of two initializers of one member the later counts. */
#include "base/cpu.h"
#include "kernels.h"
#include "kernels/scalar/set.h"

#if defined(__x86_64__)
#include "kernels/avx2/set.h"
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

#pragma GCC diagnostic ignored "-Woverride-init"

#define NEEDS(feature) (1u << EQ_CPU_##feature)

static const struct {
    uint32_t needs; /* bits of eq_cpu.features */
    eq_kernels kernels;
} sets[] = {
    {0, {.name = "scalar", EQ_SCALAR_SET}},
#if defined(__x86_64__)
    {NEEDS(AVX2), {.name = "avx2", EQ_AVX2_SET}},
    {NEEDS(AVX2) | NEEDS(AVXVNNI), {.name = "avxvnni", EQ_AVXVNNI_SET}},
    {NEEDS(AVX2) | NEEDS(AVX512) | NEEDS(AVX512VNNI), {.name = "avx512vnni", EQ_AVX512VNNI_SET}},
    {NEEDS(AVX2) | NEEDS(AVX512) | NEEDS(AVX512VNNI) | NEEDS(AVX512VBMI), {.name = "avx512vbmi", EQ_AVX512VBMI_SET}},
#elif defined(__aarch64__)
    {NEEDS(NEON), {.name = "neon", EQ_NEON_SET}},
    {NEEDS(NEON) | NEEDS(DOTPROD), {.name = "dotprod", EQ_DOTPROD_SET}},
    {NEEDS(NEON) | NEEDS(DOTPROD) | NEEDS(I8MM), {.name = "i8mm", EQ_I8MM_SET}},
#elif defined(__arm__)
    {NEEDS(ARMV6), {.name = "armv6", EQ_ARMV6_SET}},
    {NEEDS(NEON), {.name = "neon", EQ_NEON_SET}},
#endif
};

const eq_kernels *eq_kernels_at(const eq_cpu *cpu, int32_t index) {
    if (index < 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if ((cpu->features & sets[i].needs) == sets[i].needs && index-- == 0) {
            return &sets[i].kernels;
        }
    }
    return NULL;
}
