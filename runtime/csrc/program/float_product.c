#include "float_product.h"

#include "base/cpu.h"

#if defined(__x86_64__)
static __attribute__((target("avx512f"))) DEFINE_FLOAT_PRODUCT(float_product_avx512, 64) static
    __attribute__((target("avx2,fma"))) DEFINE_FLOAT_PRODUCT(float_product_avx2, 32)
#endif
        static DEFINE_FLOAT_PRODUCT(float_product_plain, 16)

            float_kernel best_float_kernel(void) {
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
#if defined(__x86_64__)
    if (eq_cpu_has(&cpu, EQ_CPU_AVX512)) {
        return (float_kernel){float_product_avx512, 32};
    }
    if (eq_cpu_has(&cpu, EQ_CPU_AVX2)) {
        return (float_kernel){float_product_avx2, 16};
    }
#elif defined(__arm__)
    if (eq_cpu_has(&cpu, EQ_CPU_NEON)) {
        return (float_kernel){float_product_neon, 8};
    }
#endif
    return (float_kernel){float_product_plain, 8};
}
