/* The AVX-VNNI depthwise convolutions on CPUs that have the same instruction only as a part of AVX-512. */
#include "random_products.h"

#ifdef __x86_64__

size_t eq_evex_depthwise_packed_bytes(const eq_depthwise_weights *weights);
void eq_evex_depthwise_pack(const eq_depthwise_weights *weights, void *packed);
void eq_evex_depthwise_run(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,avx512vl,avx512bw,avx512vnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,avx512vl,avx512bw,avx512vnni")
#endif
#define NAME(function) eq_evex_##function
#include "kernels/avxvnni/depthwise.c"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

int main(int argc, char **argv) {
    const long cases = argc > 1 ? atol(argv[1]) : 300;
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
    if (!eq_cpu_has(&cpu, EQ_CPU_AVX512VNNI)) {
        return SKIPPED;
    }
    const eq_kernels *scalar = eq_kernels_at(&cpu, 0), *slower = scalar;
    const eq_kernels evex =
                         {
                             .name = "avxvnni as AVX-512",
                             .depthwise = {.rows = 2,
                                           .packed_bytes = eq_evex_depthwise_packed_bytes,
                                           .pack = eq_evex_depthwise_pack,
                                           .run = eq_evex_depthwise_run},
                         },
                     *set = &evex;
    TEST(depthwise, depthwise.run, cases);
    return 0;
}

#else

int main(void) {
    return SKIPPED;
}

#endif
