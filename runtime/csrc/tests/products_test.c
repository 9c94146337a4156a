/* The matrix products and depthwise convolutions of every kernel set that this CPU runs against the scalar set, bit for bit,
 * on seeded random shapes and values.
 *
 *     products_test [CASES [SET]]
 *
 * One line for each set and kernel; exits with 1 at the first difference, after its parameters. Buffers have their exact
 * size plus the slack that the contract grants, so that AddressSanitizer sees every access beyond it. */
#include "random_products.h"

int main(int argc, char **argv) {
    const long cases = argc > 1 ? atol(argv[1]) : 300;
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
    require_best_set(&cpu);
    const eq_kernels *scalar = eq_kernels_at(&cpu, 0), *slower = scalar, *set;
    for (int32_t i = 1; (set = eq_kernels_at(&cpu, i)); slower = set, i++) {
        if (argc > 2 && strcmp(argv[2], set->name) != 0) {
            continue;
        }
        TEST(gemm, gemm.run, cases);
        if (set->winograd.tiles) {
            TEST(winograd, winograd.run, cases);
        }
        TEST(depthwise, depthwise.run, cases);
    }
    return 0;
}
