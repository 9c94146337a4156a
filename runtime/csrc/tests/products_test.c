/* The matrix products and depthwise convolutions of every kernel set that this CPU runs against the scalar set, bit for bit,
 * on seeded random shapes and values.
 *
 *     products_test [CASES [SET]]
 *
 * One line for each set and kernel; exits with 1 at the first difference, after its parameters. Buffers have their exact
 * size plus the slack that the contract grants, so that AddressSanitizer sees every access beyond it. */
#include "random_products.h"

static void test_set(const eq_kernels *scalar, const eq_kernels *set, const eq_kernels *slower, long cases) {
    TEST(gemm, gemm.run, cases);
    if (set->winograd.tiles) {
        TEST(winograd, winograd.run, cases);
    }
    TEST(depthwise, depthwise.run, cases);
    TEST(depthwise_wide, depthwise_wide, cases);
}

int main(int argc, char **argv) {
    return test_every_set(argc, argv, test_set);
}
