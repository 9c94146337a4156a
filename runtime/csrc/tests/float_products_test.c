/* The float matrix products and depthwise convolutions of every kernel set that this CPU runs against the scalar set, bit for
 * bit, on seeded random shapes and values; those of ARMv6, which has no fused multiply-add, within the rounding of their sums.
 *
 *     float_products_test [CASES [SET]] */
#include "plan/plan.h"
#include "random_floats.h"

/* As EVERY_KERNEL in elementwise_test.c: these functions are tested here, and another would not compile. */
typedef struct tested_gemm_f32 {
    int32_t rows, columns;
    void (*packed_bytes)(void), (*pack)(void), (*run)(void);
} tested_gemm_f32;
_Static_assert(sizeof(tested_gemm_f32) == sizeof(eq_gemm_f32_kernel), "a function of eq_gemm_f32_kernel has no test");

typedef struct tested_depthwise_f32 {
    void (*packed_bytes)(void), (*pack)(void), (*run)(void);
} tested_depthwise_f32;
_Static_assert(sizeof(tested_depthwise_f32) == sizeof(eq_depthwise_f32_kernel),
               "a function of eq_depthwise_f32_kernel has no test");

static float random_float(void) {
    const float size[] = {1.0f, 1.0f, 1.0f, 1e-3f, 100.0f, 0.0f, -0.0f};
    return size[random_bits() % 7] * ((float)random_between(-(1 << 20), 1 << 20) / (float)(1 << 20));
}

/* `taps` products of at most 10^4 each make a result. */
static void expect_floats(const eq_kernels *set, const float *expected, const float *actual, size_t count, size_t taps,
                          const char *text) {
    if (strcmp(set->name, "armv6") != 0) {
        expect_equal(expected, actual, count * sizeof *expected, text);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(expected[i] - actual[i]) <= 1e-3f * (float)(taps + 1))) {
            expect_equal(expected, actual, count * sizeof *expected, text);
        }
    }
}

static void test_gemm_f32(const eq_kernels *scalar, const eq_kernels *set) {
    const eq_gemm_f32_kernel *kernel = &set->gemm_f32, *reference = &scalar->gemm_f32;
    const int32_t columns = PICK(1, 2, 3, 4, 8, 10, 15, 16, 17, 32, 33, 130, random_between(1, 70), random_between(1, 300));
    const int32_t segments = PICK(1, 1, 1, 2, 3, 5), taps = PICK(1, 2, 3, 4, 5, 7, 8, 12, 27, 48, random_between(1, 80));
    const int32_t rows = PICK(1, 2, 3, 4, 7, kernel->rows, random_between(1, kernel->rows));
    const int32_t first = random_between(0, (columns - 1) / kernel->columns) * PICK(0, 1) * kernel->columns;
    const int32_t last = PICK(columns, columns, random_between(first + 1, columns));
    const size_t all = (size_t)segments * (size_t)taps;

    float *weights = take_floats((size_t)columns * all, random_float),
          *bias = random_between(0, 3) ? take_floats((size_t)columns, random_float) : NULL;
    const eq_gemm_f32_weights source = {columns, segments, taps, weights, bias};
    void *packed = take(kernel->packed_bytes(&source)), *reference_packed = take(reference->packed_bytes(&source));
    kernel->pack(&source, packed);
    reference->pack(&source, reference_packed);
    ptrdiff_t offsets[8] = {0};
    for (int32_t s = 1; s < segments; s++) {
        offsets[s] = offsets[s - 1] + (taps + PICK(0, 0, 1, 9)) * (ptrdiff_t)sizeof(float);
    }
    const int32_t window = (int32_t)(offsets[segments - 1] / (ptrdiff_t)sizeof(float)) + taps,
                  step = PICK(taps, 1, 0, 2 * taps);
    float *input = take_floats((size_t)(rows - 1) * (size_t)step + (size_t)window + EQ_SLACK / sizeof(float), random_float);
    const int32_t pixel = columns + PICK(0, 0, 1, 7);
    const size_t outputs = (size_t)(rows - 1) * (size_t)pixel + (size_t)columns;
    float *expected = take_floats(outputs, random_float), *actual = (float *)(void *)take_exact(outputs * sizeof *actual);
    memcpy(actual, expected, outputs * sizeof *actual);
    const float *in[64];
    float *expected_rows[64], *out[64];
    for (int32_t r = 0; r < rows; r++) {
        in[r] = input + (ptrdiff_t)r * step;
        expected_rows[r] = expected + (ptrdiff_t)r * pixel;
        out[r] = actual + (ptrdiff_t)r * pixel;
    }

    const bounds range = random_bounds();
    eq_gemm_f32 gemm = {reference_packed, columns, segments, taps, offsets, range.min, range.max};
    reference->run(&gemm, in, expected_rows, rows, first - first % reference->columns, last);
    gemm.packed = packed;
    kernel->run(&gemm, in, out, rows, first, last);
    char text[200];
    snprintf(text, sizeof text, "columns %d (%d to %d), segments %d of %d taps, rows %d, step %d", columns, first, last,
             segments, taps, rows, step);
    expect_floats(set, expected, actual, outputs, all, text);
    free(weights), free(bias), free(packed), free(reference_packed), free(input), free(expected), free(actual);
}

static void test_depthwise_f32(const eq_kernels *scalar, const eq_kernels *set) {
    const eq_depthwise_f32_kernel *kernel = &set->depthwise_f32, *reference = &scalar->depthwise_f32;
    const int32_t channels = PICK(1, 3, 4, 8, 9, 16, 24, random_between(1, 50)), size = PICK(3, 3, 3, 1, 2, 5);
    const int32_t height = PICK(size, size, random_between(1, 6)), width = PICK(size, size, random_between(1, 6));
    const int32_t dilation_y = PICK(1, 1, 2), dilation_x = PICK(1, 1, 3), stride_y = PICK(1, 2), stride_x = PICK(1, 2, 3);
    const int32_t rows = random_between(1, 4), out_width = PICK(1, 2, 3, 4, 5, 8, random_between(1, 20));
    const size_t taps = (size_t)height * (size_t)width;

    float *weights = take_floats(taps * (size_t)channels, random_float),
          *bias = random_between(0, 3) ? take_floats((size_t)channels, random_float) : NULL;
    const eq_depthwise_f32_weights source = {channels, height, width, weights, (ptrdiff_t)width * channels, channels, bias};
    void *packed = take(kernel->packed_bytes(&source)), *reference_packed = take(reference->packed_bytes(&source));
    kernel->pack(&source, packed);
    reference->pack(&source, reference_packed);
    const int32_t in_width = (out_width - 1) * stride_x + (width - 1) * dilation_x + 1;
    const int32_t in_height = (rows - 1) * stride_y + (height - 1) * dilation_y + 1;
    const int32_t row = in_width * channels + PICK(0, channels, 5), out_row = out_width * channels + PICK(0, channels, 5);
    float *input = take_floats((size_t)((in_height - 1) * row + in_width * channels) + EQ_SLACK / sizeof(float), random_float);
    const size_t outputs = (size_t)((rows - 1) * out_row + out_width * channels);
    float *expected = take_floats(outputs, random_float), *actual = (float *)(void *)take_exact(outputs * sizeof *actual);
    memcpy(actual, expected, outputs * sizeof *actual);

    const ptrdiff_t element = sizeof(float);
    const bounds range = random_bounds();
    eq_depthwise_f32 depthwise = {
        .packed = reference_packed,
        .channels = channels,
        .height = height,
        .width = width,
        .tap_row = dilation_y * row * element,
        .tap_column = dilation_x * channels * element,
        .in_row = stride_y * row * element,
        .in_column = stride_x * channels * element,
        .out_row = out_row * element,
        .out_width = out_width,
        .min = range.min,
        .max = range.max,
    };
    reference->run(&depthwise, input, expected, rows);
    depthwise.packed = packed;
    kernel->run(&depthwise, input, actual, rows);
    char text[200];
    snprintf(text, sizeof text, "channels %d, kernel %dx%d, dilation %dx%d, stride %dx%d, output %dx%d", channels, height,
             width, dilation_y, dilation_x, stride_y, stride_x, rows, out_width);
    expect_floats(set, expected, actual, outputs, taps, text);
    free(weights), free(bias), free(packed), free(reference_packed), free(input), free(expected), free(actual);
}

static void test_set(const eq_kernels *scalar, const eq_kernels *set, const eq_kernels *slower, long cases) {
    TEST(gemm_f32, gemm_f32.run, cases);
    TEST(depthwise_f32, depthwise_f32.run, cases);
}

int main(int argc, char **argv) {
    return test_every_set(argc, argv, test_set);
}
