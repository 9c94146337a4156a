/* The AVX-VNNI matrix products on CPUs that have the same instruction only as a part of AVX-512. */
#include "random_products.h"

#ifdef __x86_64__

size_t eq_evex_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_evex_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_evex_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                      int32_t last_column);

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,avx512vl,avx512bw,avx512vnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,avx512vl,avx512bw,avx512vnni")
#endif
#define NAME(function) eq_evex_##function
#include "kernels/avxvnni/gemm.c"
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
                             .gemm = {.rows = 72,
                                      .columns = 16,
                                      .packed_bytes = eq_evex_gemm_packed_bytes,
                                      .pack = eq_evex_gemm_pack,
                                      .run = eq_evex_gemm_run},
                         },
                     *set = &evex;
    TEST(gemm, gemm.run, cases);
    return 0;
}

#else

int main(void) {
    return SKIPPED;
}

#endif
