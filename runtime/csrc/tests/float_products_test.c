/* The float matrix products and depthwise convolutions, of float32 and of float16, of every kernel set that this CPU runs against the scalar set, bit for
 * bit, on seeded random shapes and values; those of ARMv6, which has no fused multiply-add, within the rounding of their sums.
 *
 *     float_products_test [CASES [SET]] */
#include "arithmetic/half.h"
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

/* Sums of 400 products of these are float16 numbers, and some products are too small for one. */
static float random_small_float(void) {
    return 0.1f * random_float();
}

static float (*draw_of(size_t element))(void) {
    return element == sizeof(float) ? random_float : random_small_float;
}

/* `count` values of `element` bytes, float32 or float16; of exactly this size, so that AddressSanitizer sees every access beyond it. */
static void *take_values(size_t count, size_t element) {
    float *floats = take_floats(count, draw_of(element));
    if (element == sizeof(float)) {
        return floats;
    }
    uint16_t *halves = (uint16_t *)(void *)take_exact(count * sizeof *halves);
    for (size_t i = 0; i < count; i++) {
        halves[i] = eq_half_from_float(floats[i]);
    }
    free(floats);
    return halves;
}

/* `taps` products of at most 10^4 each make a result. */
static void expect_floats(const eq_kernels *set, const void *expected, const void *actual, size_t count, size_t element,
                          size_t taps, const char *text) {
    if (strcmp(set->name, "armv6") != 0) {
        expect_equal(expected, actual, count * element, text);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(((const float *)expected)[i] - ((const float *)actual)[i]) <= 1e-3f * (float)(taps + 1))) {
            expect_equal(expected, actual, count * element, text);
        }
    }
}

static void test_gemm(const eq_kernels *set, const eq_gemm_f32_kernel *reference, const eq_gemm_f32_kernel *kernel,
                      const size_t element) {
    const int32_t columns = PICK(1, 2, 3, 4, 8, 10, 15, 16, 17, 32, 33, 130, random_between(1, 70), random_between(1, 300));
    const int32_t segments = PICK(1, 1, 1, 2, 3, 5), taps = PICK(1, 2, 3, 4, 5, 7, 8, 12, 27, 48, 200, random_between(1, 80));
    const int32_t rows = PICK(1, 2, 3, 4, 7, kernel->rows, random_between(1, kernel->rows));
    const int32_t first = random_between(0, (columns - 1) / kernel->columns) * PICK(0, 1) * kernel->columns;
    const int32_t last = PICK(columns, columns, random_between(first + 1, columns));
    const size_t all = (size_t)segments * (size_t)taps;

    float *weights = take_floats((size_t)columns * all, draw_of(element)),
          *bias = random_between(0, 3) ? take_floats((size_t)columns, draw_of(element)) : NULL;
    const eq_gemm_f32_weights source = {columns, segments, taps, weights, bias, false};
    void *packed = take(kernel->packed_bytes(&source)), *reference_packed = take(reference->packed_bytes(&source));
    const bool columns_last = random_between(0, 1);
    float *transposed = (float *)(void *)take_exact((size_t)columns * all * sizeof *weights);
    for (size_t i = 0; i < (size_t)columns * all; i++) {
        transposed[i % all * (size_t)columns + i / all] = weights[i];
    }
    eq_gemm_f32_weights given = source;
    given.weights = columns_last ? transposed : weights;
    given.columns_last = columns_last;
    kernel->pack(&given, packed);
    reference->pack(&source, reference_packed);
    ptrdiff_t offsets[8] = {0};
    for (int32_t s = 1; s < segments; s++) {
        offsets[s] = offsets[s - 1] + (taps + PICK(0, 0, 1, 9)) * (ptrdiff_t)element;
    }
    const int32_t window = (int32_t)(offsets[segments - 1] / (ptrdiff_t)element) + taps, step = PICK(taps, 1, 0, 2 * taps);
    uint8_t *input = take_values((size_t)(rows - 1) * (size_t)step + (size_t)window + EQ_SLACK / element, element);
    const int32_t pixel = columns + PICK(0, 0, 1, 7);
    const size_t outputs = (size_t)(rows - 1) * (size_t)pixel + (size_t)columns;
    uint8_t *expected = take_values(outputs, element), *actual = (uint8_t *)take_exact(outputs * element);
    memcpy(actual, expected, outputs * element);
    const void *in[64];
    void *expected_rows[64], *out[64];
    for (int32_t r = 0; r < rows; r++) {
        in[r] = input + (size_t)r * (size_t)step * element;
        expected_rows[r] = expected + (size_t)r * (size_t)pixel * element;
        out[r] = actual + (size_t)r * (size_t)pixel * element;
    }

    const bounds range = random_bounds();
    eq_gemm_f32 gemm = {reference_packed, columns, segments, taps, offsets, range.min, range.max};
    reference->run(&gemm, in, expected_rows, rows, first - first % reference->columns, last);
    gemm.packed = packed;
    kernel->run(&gemm, in, out, rows, first, last);
    char text[200];
    snprintf(text, sizeof text, "columns %d (%d to %d), segments %d of %d taps, rows %d, step %d", columns, first, last,
             segments, taps, rows, step);
    expect_floats(set, expected, actual, outputs, element, all, text);
    free(weights), free(transposed), free(bias), free(packed), free(reference_packed), free(input), free(expected),
        free(actual);
}

static void test_depthwise(const eq_kernels *set, const eq_depthwise_f32_kernel *reference,
                           const eq_depthwise_f32_kernel *kernel, const size_t element) {
    const int32_t channels = PICK(1, 3, 4, 8, 9, 16, 24, random_between(1, 50)), size = PICK(3, 3, 3, 1, 2, 5);
    const int32_t height = PICK(size, size, random_between(1, 6)), width = PICK(size, size, random_between(1, 6));
    const int32_t dilation_y = PICK(1, 1, 2), dilation_x = PICK(1, 1, 3), stride_y = PICK(1, 2), stride_x = PICK(1, 2, 3);
    const int32_t rows = random_between(1, 4), out_width = PICK(1, 2, 3, 4, 5, 8, random_between(1, 20));
    const size_t taps = (size_t)height * (size_t)width;

    float *weights = take_floats(taps * (size_t)channels, draw_of(element)),
          *bias = random_between(0, 3) ? take_floats((size_t)channels, draw_of(element)) : NULL;
    const eq_depthwise_f32_weights source = {channels, height, width, weights, (ptrdiff_t)width * channels, channels, bias};
    void *packed = take(kernel->packed_bytes(&source)), *reference_packed = take(reference->packed_bytes(&source));
    kernel->pack(&source, packed);
    reference->pack(&source, reference_packed);
    const int32_t in_width = (out_width - 1) * stride_x + (width - 1) * dilation_x + 1;
    const int32_t in_height = (rows - 1) * stride_y + (height - 1) * dilation_y + 1;
    const int32_t row = in_width * channels + PICK(0, channels, 5), out_row = out_width * channels + PICK(0, channels, 5);
    void *input = take_values((size_t)((in_height - 1) * row + in_width * channels) + EQ_SLACK / element, element);
    const size_t outputs = (size_t)((rows - 1) * out_row + out_width * channels);
    uint8_t *expected = take_values(outputs, element), *actual = (uint8_t *)take_exact(outputs * element);
    memcpy(actual, expected, outputs * element);

    const ptrdiff_t bytes = (ptrdiff_t)element;
    const bounds range = random_bounds();
    eq_depthwise_f32 depthwise = {
        .packed = reference_packed,
        .channels = channels,
        .height = height,
        .width = width,
        .tap_row = dilation_y * row * bytes,
        .tap_column = dilation_x * channels * bytes,
        .in_row = stride_y * row * bytes,
        .in_column = stride_x * channels * bytes,
        .out_row = out_row * bytes,
        .out_column = channels * bytes,
        .out_width = out_width,
        .min = range.min,
        .max = range.max,
    };
    reference->run(&depthwise, input, expected, rows);
    eq_depthwise_f32 given = depthwise;
    given.packed = packed;
    const bool turned = random_between(0, 1); /* columns are rows to the kernel */
    if (turned) {
        given.in_row = depthwise.in_column, given.in_column = depthwise.in_row;
        given.out_row = depthwise.out_column, given.out_column = depthwise.out_row;
        given.out_width = rows;
    }
    kernel->run(&given, input, actual, turned ? out_width : rows);
    char text[200];
    snprintf(text, sizeof text, "channels %d, kernel %dx%d, dilation %dx%d, stride %dx%d, output %dx%d", channels, height,
             width, dilation_y, dilation_x, stride_y, stride_x, rows, out_width);
    expect_floats(set, expected, actual, outputs, element, taps, text);
    free(weights), free(bias), free(packed), free(reference_packed), free(input), free(expected), free(actual);
}

static void test_gemm_f32(const eq_kernels *scalar, const eq_kernels *set) {
    test_gemm(set, &scalar->gemm_f32, &set->gemm_f32, sizeof(float));
}

static void test_gemm_f16(const eq_kernels *scalar, const eq_kernels *set) {
    test_gemm(set, &scalar->gemm_f16, &set->gemm_f16, sizeof(uint16_t));
}

static void test_depthwise_f32(const eq_kernels *scalar, const eq_kernels *set) {
    test_depthwise(set, &scalar->depthwise_f32, &set->depthwise_f32, sizeof(float));
}

static void test_depthwise_f16(const eq_kernels *scalar, const eq_kernels *set) {
    test_depthwise(set, &scalar->depthwise_f16, &set->depthwise_f16, sizeof(uint16_t));
}

/* Bits of any float16 that is a number or infinity. */
static uint16_t random_half(void) {
    const uint16_t half = (uint16_t)random_bits();
    return (half & 0x7fff) > 0x7c00 ? (uint16_t)(half & 0xbfff) : half;
}

static void test_widen_f16(const eq_kernels *scalar, const eq_kernels *set) {
    const size_t n = (size_t)PICK(0, 1, 7, 8, 9, random_between(0, 100));
    uint16_t *halves = (uint16_t *)(void *)take_exact(n * sizeof *halves);
    float *expected = take_floats(n, random_float), *actual = take_floats(n, random_float);
    for (size_t i = 0; i < n; i++) {
        halves[i] = random_half();
    }
    scalar->widen_f16(halves, expected, n);
    set->widen_f16(halves, actual, n);
    expect_equal(expected, actual, n * sizeof *expected, "any float16");
    free(halves), free(expected), free(actual);
}

/* Near any float16: where it is to be rounded up or down, and exactly halfway. */
static float near_half(void) {
    const uint32_t halfway = PICK(0, 0x1000, 0x0fff, 0x1001, 0x3000, random_between(0, 0x3fff));
    return eq_float_of_bits(eq_bits_of_float(eq_half_to_float(random_half())) + halfway);
}

static void test_narrow_f16(const eq_kernels *scalar, const eq_kernels *set) {
    const size_t n = (size_t)PICK(0, 1, 7, 8, 9, random_between(0, 100));
    float *floats = take_floats(n, near_half);
    uint16_t *expected = (uint16_t *)(void *)take_exact(n * sizeof *expected);
    uint16_t *actual = (uint16_t *)(void *)take_exact(n * sizeof *actual);
    for (size_t i = 0; i < n; i++) {
        floats[i] = isnan(floats[i]) ? 1.0f : floats[i];
    }
    scalar->narrow_f16(floats, expected, n);
    set->narrow_f16(floats, actual, n);
    expect_equal(expected, actual, n * sizeof *expected, "near float16 numbers");
    free(floats), free(expected), free(actual);
}

static void test_binary(eq_binary_f16_fn reference, eq_binary_f16_fn kernel) {
    const size_t n = (size_t)PICK(0, 1, 7, 8, 9, 33, random_between(0, 100));
    uint16_t *a = take_values(n, sizeof *a), *b = take_values(n, sizeof *b);
    uint16_t *expected = take_values(n, sizeof *expected), *actual = take_values(n, sizeof *actual);
    const bounds range = random_bounds();
    reference(a, b, range.min, range.max, expected, n);
    kernel(a, b, range.min, range.max, actual, n);
    expect_equal(expected, actual, n * sizeof *expected, "two tensors");
    free(a), free(b), free(expected), free(actual);
}

static void test_add_f16(const eq_kernels *scalar, const eq_kernels *set) {
    test_binary(scalar->add_f16, set->add_f16);
}

static void test_multiply_f16(const eq_kernels *scalar, const eq_kernels *set) {
    test_binary(scalar->multiply_f16, set->multiply_f16);
}

static void test_winograd_f16(const eq_kernels *scalar, const eq_kernels *set) {
    enum { IN = 4, OUT = 2 };
    const int32_t channels = 8 * random_between(1, 5), tiles = random_between(1, 6);
    const int32_t pixels = OUT * tiles + IN - OUT, row = pixels * channels + PICK(0, 8, 5),
                  stride = tiles * channels + PICK(0, 8);
    const size_t values = (size_t)(IN * row), points = (size_t)(IN * IN * stride);
    uint16_t *in = take_values(values, sizeof *in);
    uint16_t *expected = take_values(points, sizeof *in), *actual = take_values(points, sizeof *in);
    memcpy(actual, expected, points * sizeof *in);
    scalar->winograd_f16.input(in, row * 2, channels, tiles, expected, stride);
    set->winograd_f16.input(in, row * 2, channels, tiles, actual, stride);
    expect_equal(expected, actual, points * sizeof *in, "points");

    float *bias = take_floats((size_t)channels, random_float);
    const bounds range = random_bounds();
    const int32_t width = OUT * tiles - random_between(0, 1), height = random_between(1, OUT);
    const eq_tile_outputs outputs = {channels, random_between(0, 1) ? bias : NULL, range.min, range.max, row * 2};
    uint16_t *want = take_values(values, sizeof *in), *got = take_values(values, sizeof *in);
    memcpy(got, want, values * sizeof *in);
    const bool fits = scalar->winograd_f16.output(&outputs, expected, stride, tiles, want, height, width);
    const bool also = set->winograd_f16.output(&outputs, expected, stride, tiles, got, height, width);
    expect_equal(&fits, &also, sizeof fits, "whether all fits");
    expect_floats(set, (uint8_t *)want, (uint8_t *)got, values, sizeof *in, 1, "outputs");
    free(in), free(expected), free(actual), free(bias), free(want), free(got);
}

static void test_set(const eq_kernels *scalar, const eq_kernels *set, const eq_kernels *slower, long cases) {
    TEST(gemm_f32, gemm_f32.run, cases);
    TEST(depthwise_f32, depthwise_f32.run, cases);
    TEST(widen_f16, widen_f16, cases);
    TEST(narrow_f16, narrow_f16, cases);
    if (set->gemm_f16.run) {
        TEST(gemm_f16, gemm_f16.run, cases);
        TEST(depthwise_f16, depthwise_f16.run, cases);
        TEST(winograd_f16, winograd_f16.input, cases);
        TEST(add_f16, add_f16, cases);
        TEST(multiply_f16, multiply_f16, cases);
    }
}

int main(int argc, char **argv) {
    return test_every_set(argc, argv, test_set);
}
