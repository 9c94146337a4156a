/* Every kernel set that this CPU runs against the scalar set, bit for bit, on seeded random shapes and values.
 *
 *     kernels_test [CASES [SET]]
 *
 * One line for each set and kernel; exits with 1 at the first difference, after its parameters. Buffers have their exact
 * size plus the slack that the contract grants, so that AddressSanitizer sees every access beyond it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/arithmetic.h"
#include "../src/cpu.h"
#include "../src/kernels.h"
#include "../src/plan.h"

static uint64_t random_state;

static uint32_t random_bits(void) { /* splitmix64 */
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static int32_t random_between(int32_t low, int32_t high) {
    return low + (int32_t)(random_bits() % (uint32_t)(high - low + 1));
}

#define PICK(...) pick((const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static int32_t pick(const int32_t *values, size_t count) {
    return values[random_bits() % count];
}

static void *take(size_t bytes) {
    void *data = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    if (!data) abort();
    return memset(data, 0, bytes);
}

/* Of exactly this size. */
static int8_t *take_exact(size_t bytes) {
    int8_t *data = malloc(bytes ? bytes : 1);
    if (!data) abort();
    return data;
}

static void fill(int8_t *data, size_t n, int32_t lowest) {
    const int32_t kind = random_between(0, 3);
    for (size_t i = 0; i < n; i++) {
        data[i] = (int8_t)(kind == 0   ? PICK(lowest, 127)
                           : kind == 1 ? random_between(-4, 4)
                                       : random_between(lowest, 127));
    }
}

static float random_scale(void) {
    const float powers[] = {0.5f, 0.25f, 1.0f, 0.125f, 1.5f, 3.0f};
    const float size[] = {1e-6f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1.0f};
    if (random_between(0, 3) == 0) return powers[random_bits() % 6];
    return size[random_bits() % 6] * (1.0f + (float)random_between(0, 1000) / 250.0f);
}

typedef struct output_range {
    int32_t zero_point, min, max;
} output_range;

static output_range random_range(void) {
    output_range range = {PICK(-128, -1, 0, 3, 127, random_between(-128, 127)), -128, 127};
    if (random_between(0, 1)) range.min = random_between(-128, 127);
    if (random_between(0, 1)) range.max = random_between(range.min, 127);
    return range;
}

static const char *set_name, *kernel_name;

static void expect_equal(const void *expected, const void *actual, size_t bytes, const char *parameters) {
    if (memcmp(expected, actual, bytes) == 0) return;
    size_t at = 0;
    while (((const int8_t *)expected)[at] == ((const int8_t *)actual)[at]) at++;
    printf("%s %s: byte %zu of %zu is %d, not %d\n%s\n", set_name, kernel_name, at, bytes, ((const int8_t *)actual)[at],
           ((const int8_t *)expected)[at], parameters);
    exit(1);
}

/* Scales and biases of a matrix product or depthwise convolution whose sums are at most 128 * taps * 128. */
static void random_requantization(int32_t *bias, float *scale, int32_t columns) {
    const int32_t largest = PICK(0, 100, 100000, 1 << 21, 0x7fffffff);
    const bool same_scale = random_between(0, 1);
    for (int32_t n = 0; n < columns; n++) {
        bias[n] = largest == 0x7fffffff ? (int32_t)random_bits() : random_between(-largest, largest);
        scale[n] = n && same_scale ? scale[0] : random_scale();
    }
}

/* As the contract's `small`: weights are (columns, taps), `stride` apart. */
static bool is_small(const int8_t *weights, int32_t columns, int32_t taps, int32_t column_stride, int32_t tap_stride,
                     const int32_t *bias, const float *scale) {
    for (int32_t n = 0; n < columns; n++) {
        int64_t bound = llabs(bias[n]);
        for (int32_t t = 0; t < taps; t++) bound += 128 * abs(weights[n * column_stride + t * tap_stride]);
        if (bound >= 1 << 22 || (double)bound * scale[n] >= (1 << 15) - (1 << 8)) return false;
    }
    return true;
}

static void test_gemm(const eq_kernels *scalar, const eq_kernels *set) {
    const eq_gemm_kernel *kernel = &set->gemm, *reference = &scalar->gemm;
    const int32_t columns = PICK(1, 2, 3, 8, 10, 16, 17, 31, 32, 48, 63, 64, 65, 96, 128, 130, random_between(1, 200));
    const int32_t segments = PICK(1, 1, 1, 2, 3, 5, 7);
    const int32_t segment_bytes =
        PICK(1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 21, 27, 31, 32, 33, 48, 63, 64, 65, 128, 192, random_between(1, 300));
    const int32_t rows = PICK(1, 2, 3, kernel->rows, random_between(1, kernel->rows));
    const size_t taps = (size_t)segments * (size_t)segment_bytes;

    int8_t *weights = take_exact((size_t)columns * taps);
    fill(weights, (size_t)columns * taps, kernel->no_minimum_weight ? -127 : -128);
    int32_t *bias = take((size_t)columns * sizeof *bias);
    float *scale = take((size_t)columns * sizeof *scale);
    random_requantization(bias, scale, columns);
    const eq_gemm_weights source = {columns, segments, segment_bytes, weights, bias, scale};
    void *packed = take(kernel->packed_bytes(&source)), *reference_packed = take(reference->packed_bytes(&source));
    kernel->pack(&source, packed);
    reference->pack(&source, reference_packed);

    ptrdiff_t offsets[8] = {0};
    for (int32_t s = 1; s < segments; s++) offsets[s] = offsets[s - 1] + segment_bytes + PICK(0, 0, 1, 50);
    const size_t window = (size_t)offsets[segments - 1] + (size_t)segment_bytes;
    const int32_t step = PICK(segment_bytes, 1, 0, 2 * segment_bytes);
    const size_t input_bytes = (size_t)(rows - 1) * (size_t)step + window;
    int8_t *input = take_exact(input_bytes + EQ_SLACK);
    fill(input, input_bytes + EQ_SLACK, -128);
    const int32_t pixel = columns + PICK(0, 0, 1, 7);
    const size_t output_bytes = (size_t)(rows - 1) * (size_t)pixel + (size_t)columns;
    int8_t *expected = take_exact(output_bytes), *actual = take_exact(output_bytes);
    const int8_t **in = take((size_t)rows * sizeof *in);
    int8_t **expected_rows = take((size_t)rows * sizeof *expected_rows), **out = take((size_t)rows * sizeof *out);
    for (int32_t r = 0; r < rows; r++) {
        in[r] = input + (ptrdiff_t)r * step;
        expected_rows[r] = expected + (ptrdiff_t)r * pixel;
        out[r] = actual + (ptrdiff_t)r * pixel;
    }

    const int32_t first = random_between(0, (columns - 1) / kernel->columns) * PICK(0, 1) * kernel->columns;
    const int32_t last = PICK(columns, columns, random_between(first + 1, columns));
    const output_range range = random_range();
    const bool small = is_small(weights, columns, (int32_t)taps, (int32_t)taps, 1, bias, scale);
    eq_gemm gemm = {reference_packed, columns, segments, segment_bytes, offsets, range.zero_point, range.min, range.max, false};
    memset(expected, 0x55, output_bytes);
    for (int32_t r = 0; r < rows; r += reference->rows)
        reference->run(&gemm, in + r, expected_rows + r, rows - r < reference->rows ? rows - r : reference->rows, first, last);
    gemm.packed = packed;
    for (int as_small = 0; as_small <= (int)small; as_small++) {
        char text[300];
        snprintf(text, sizeof text,
                 "columns %d (%d to %d), segments %d of %d bytes, rows %d, step %d, range %d %d %d, small %d", columns, first,
                 last, segments, segment_bytes, rows, step, range.zero_point, range.min, range.max, as_small);
        memset(actual, 0x55, output_bytes);
        gemm.small = as_small;
        kernel->run(&gemm, in, out, rows, first, last);
        expect_equal(expected, actual, output_bytes, text);
    }
    free(weights), free(bias), free(scale), free(packed), free(reference_packed), free(input), free(expected), free(actual);
    free(in), free(expected_rows), free(out);
}

static void test_depthwise(const eq_kernels *scalar, const eq_kernels *set) {
    const eq_depthwise_kernel *kernel = &set->depthwise, *reference = &scalar->depthwise;
    const int32_t channels = PICK(1, 3, 8, 15, 16, 17, 24, 32, 40, 64, 65, 80, 96, 144, random_between(1, 200));
    const int32_t size = PICK(3, 3, 3, 5, 1, 2, 4, 6, 7);
    const int32_t height = PICK(size, size, size, random_between(1, 8)), width = PICK(size, size, size, random_between(1, 8));
    const int32_t taps = height * width;
    const int32_t dilation_y = PICK(1, 1, 1, 2, 3), dilation_x = PICK(1, 1, 1, 2, 3);
    const int32_t stride_y = PICK(1, 1, 2, 3), stride_x = PICK(1, 1, 2, 3);
    const int32_t rows = random_between(1, 2 * kernel->rows + 1);
    const int32_t out_width = PICK(1, 2, 3, 4, 5, 7, 8, random_between(1, 20));

    int8_t *weights = take_exact((size_t)(taps * channels));
    fill(weights, (size_t)(taps * channels), -128);
    int32_t *bias = take((size_t)channels * sizeof *bias);
    float *scale = take((size_t)channels * sizeof *scale);
    random_requantization(bias, scale, channels);
    const eq_depthwise_weights source = {channels, height, width, weights, bias, scale};
    void *packed = take(kernel->packed_bytes(&source)), *reference_packed = take(reference->packed_bytes(&source));
    kernel->pack(&source, packed);
    reference->pack(&source, reference_packed);

    const int32_t in_width = (out_width - 1) * stride_x + (width - 1) * dilation_x + 1;
    const int32_t in_height = (rows - 1) * stride_y + (height - 1) * dilation_y + 1;
    const int32_t row_stride = in_width * channels + PICK(0, 0, channels, 5);
    const size_t input_bytes = (size_t)((in_height - 1) * row_stride + in_width * channels);
    int8_t *input = take_exact(input_bytes + EQ_SLACK);
    fill(input, input_bytes + EQ_SLACK, -128);
    const int32_t out_row = out_width * channels + PICK(0, 0, channels, 5);
    const size_t output_bytes = (size_t)((rows - 1) * out_row + out_width * channels);
    int8_t *expected = take_exact(output_bytes), *actual = take_exact(output_bytes);

    const output_range range = random_range();
    const bool small = is_small(weights, channels, taps, 1, channels, bias, scale);
    eq_depthwise depthwise = {
        .packed = reference_packed,
        .channels = channels,
        .height = height,
        .width = width,
        .tap_row = (ptrdiff_t)dilation_y * row_stride,
        .tap_column = (ptrdiff_t)dilation_x * channels,
        .in_row = (ptrdiff_t)stride_y * row_stride,
        .in_column = (ptrdiff_t)stride_x * channels,
        .out_row = out_row,
        .out_width = out_width,
        .zero_point = range.zero_point,
        .min = range.min,
        .max = range.max,
    };
    memset(expected, 0x55, output_bytes);
    reference->run(&depthwise, input, expected, rows);
    depthwise.packed = packed;
    for (int as_small = 0; as_small <= (int)small; as_small++) {
        char text[300];
        snprintf(text, sizeof text,
                 "channels %d, kernel %dx%d, dilation %dx%d, stride %dx%d, output %dx%d, range %d %d %d, small %d", channels,
                 height, width, dilation_y, dilation_x, stride_y, stride_x, rows, out_width, range.zero_point, range.min,
                 range.max, as_small);
        memset(actual, 0x55, output_bytes);
        depthwise.small = as_small;
        kernel->run(&depthwise, input, actual, rows);
        expect_equal(expected, actual, output_bytes, text);
    }
    free(weights), free(bias), free(scale), free(packed), free(reference_packed), free(input), free(expected), free(actual);
}

/* What the elementwise kernels get: n values a and b, room for n results twice. */
typedef struct elements {
    size_t n;
    int8_t *a, *b, *expected, *actual;
    char text[200];
} elements;

static elements take_elements(void) {
    elements e = {.n = (size_t)PICK(0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128, random_between(0, 300))};
    e.a = take_exact(e.n), e.b = take_exact(e.n), e.expected = take_exact(e.n), e.actual = take_exact(e.n);
    fill(e.a, e.n, -128);
    fill(e.b, e.n, -128);
    memset(e.expected, 0x55, e.n);
    memset(e.actual, 0x55, e.n);
    snprintf(e.text, sizeof e.text, "n %zu", e.n);
    return e;
}

static void compare_and_free(elements *e) {
    expect_equal(e->expected, e->actual, e->n, e->text);
    free(e->a), free(e->b), free(e->expected), free(e->actual);
}

static eq_add random_add(elements *e) {
    const output_range range = random_range();
    const int32_t largest = 1 << random_between(8, 21);
    const eq_add add = {random_between(-(1 << 28), 1 << 28), random_between(-largest, largest), random_between(-largest, largest),
                        random_between(8, 30), range.zero_point, range.min, range.max};
    snprintf(e->text, sizeof e->text, "n %zu, bias %d, multipliers %d %d, shift %d, range %d %d %d", e->n, add.bias,
             add.a_multiplier, add.b_multiplier, add.shift, add.zero_point, add.min, add.max);
    return add;
}

static void test_add(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    const eq_add add = random_add(&e);
    scalar->add(&add, e.a, e.b, e.expected, e.n);
    set->add(&add, e.a, e.b, e.actual, e.n);
    compare_and_free(&e);
}

static void test_add_scalar(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    const eq_add add = random_add(&e);
    const int8_t b = (int8_t)random_between(-128, 127);
    scalar->add_scalar(&add, e.a, b, e.expected, e.n);
    set->add_scalar(&add, e.a, b, e.actual, e.n);
    compare_and_free(&e);
}

static eq_multiply random_multiply(elements *e) {
    const output_range range = random_range();
    const eq_multiply multiply = {random_between(-128, 127), random_between(-128, 127), random_scale(),
                                  range.zero_point, range.min, range.max};
    snprintf(e->text, sizeof e->text, "n %zu, zero points %d %d, scale %g, range %d %d %d", e->n, multiply.a_zero_point,
             multiply.b_zero_point, (double)multiply.scale, multiply.zero_point, multiply.min, multiply.max);
    return multiply;
}

static void test_multiply(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    const eq_multiply multiply = random_multiply(&e);
    scalar->multiply(&multiply, e.a, e.b, e.expected, e.n);
    set->multiply(&multiply, e.a, e.b, e.actual, e.n);
    compare_and_free(&e);
}

static void test_multiply_scalar(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    const eq_multiply multiply = random_multiply(&e);
    const int8_t b = (int8_t)random_between(-128, 127);
    scalar->multiply_scalar(&multiply, e.a, b, e.expected, e.n);
    set->multiply_scalar(&multiply, e.a, b, e.actual, e.n);
    compare_and_free(&e);
}

static void test_maximum(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    scalar->maximum(e.a, e.b, e.expected, e.n);
    set->maximum(e.a, e.b, e.actual, e.n);
    compare_and_free(&e);
}

static void test_minimum(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    scalar->minimum(e.a, e.b, e.expected, e.n);
    set->minimum(e.a, e.b, e.actual, e.n);
    compare_and_free(&e);
}

static void test_lookup(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    int8_t table[256];
    fill(table, sizeof table, -128);
    scalar->lookup(table, e.a, e.expected, e.n);
    set->lookup(table, e.a, e.actual, e.n);
    compare_and_free(&e);
}

static void test_sum_rows(const eq_kernels *scalar, const eq_kernels *set) {
    const int32_t channels = random_between(1, 150), rows = PICK(1, 2, 49, random_between(1, 600));
    const int32_t stride = channels + PICK(0, 0, 3);
    const size_t bytes = (size_t)((rows - 1) * stride + channels);
    int8_t *in = take_exact(bytes);
    fill(in, bytes, -128);
    int32_t *expected = (int32_t *)(void *)take_exact((size_t)channels * sizeof *expected);
    int32_t *actual = (int32_t *)(void *)take_exact((size_t)channels * sizeof *actual);
    for (int32_t c = 0; c < channels; c++) expected[c] = actual[c] = random_between(-1000, 1000);
    scalar->sum_rows(in, stride, rows, channels, expected);
    set->sum_rows(in, stride, rows, channels, actual);
    char text[100];
    snprintf(text, sizeof text, "rows %d, channels %d, stride %d", rows, channels, stride);
    expect_equal(expected, actual, (size_t)channels * sizeof *expected, text);
    free(in), free(expected), free(actual);
}

static void test_max_rows(const eq_kernels *scalar, const eq_kernels *set) {
    const int32_t channels = random_between(1, 150), rows = random_between(1, 60), stride = channels + PICK(0, 0, 3);
    const size_t bytes = (size_t)((rows - 1) * stride + channels);
    int8_t *in = take_exact(bytes), *expected = take_exact((size_t)channels), *actual = take_exact((size_t)channels);
    fill(in, bytes, -128);
    fill(expected, (size_t)channels, -128);
    memcpy(actual, expected, (size_t)channels);
    scalar->max_rows(in, stride, rows, channels, expected);
    set->max_rows(in, stride, rows, channels, actual);
    char text[100];
    snprintf(text, sizeof text, "rows %d, channels %d, stride %d", rows, channels, stride);
    expect_equal(expected, actual, (size_t)channels, text);
    free(in), free(expected), free(actual);
}

/* e.n sums, at most `largest`. */
static int32_t *take_sums(const elements *e, int32_t largest) {
    int32_t *sums = (int32_t *)(void *)take_exact(e->n * sizeof *sums);
    for (size_t i = 0; i < e->n; i++)
        sums[i] = largest == 0x7fffffff ? (int32_t)random_bits() : random_between(-largest, largest);
    return sums;
}

static void test_scale_sums(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    int32_t *sums = take_sums(&e, PICK(20, 5000, 1 << 22, 0x7fffffff));
    const float scale = random_scale(), offset = (float)random_between(-1000, 1000) / 8;
    scalar->scale_sums(sums, scale, offset, e.expected, e.n);
    set->scale_sums(sums, scale, offset, e.actual, e.n);
    compare_and_free(&e);
    free(sums);
}

static void test_average(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    const int32_t count = PICK(1, 2, 3, 4, 9, 49, random_between(1, 300), random_between(1, (1 << 22) - 1));
    int32_t *sums = take_sums(&e, 128 * count);
    const output_range range = random_range();
    scalar->average(sums, count, range.min, range.max, e.expected, e.n);
    set->average(sums, count, range.min, range.max, e.actual, e.n);
    snprintf(e.text, sizeof e.text, "n %zu, count %d, range %d %d", e.n, count, range.min, range.max);
    compare_and_free(&e);
    free(sums);
}

/* Run `test` if the set has a kernel of its own there. */
#define TEST(kernel, member, base_cases)                                                    \
    do {                                                                                    \
        if (set->member == slower->member) break;                                           \
        set_name = set->name, kernel_name = #kernel, random_state = 1;                      \
        for (long i = 0; i < (base_cases); i++) test_##kernel(scalar, set);                 \
        printf("%s %s: %ld cases equal\n", set_name, kernel_name, (long)(base_cases));      \
        fflush(stdout);                                                                     \
    } while (0)

int main(int argc, char **argv) {
    const long cases = argc > 1 ? atol(argv[1]) : 300;
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
    const eq_kernels *scalar = eq_kernels_at(&cpu, 0), *slower = scalar, *set;
    for (int32_t i = 1; (set = eq_kernels_at(&cpu, i)); slower = set, i++) {
        if (argc > 2 && strcmp(argv[2], set->name) != 0) continue;
        TEST(gemm, gemm.run, cases);
        TEST(depthwise, depthwise.run, cases);
        TEST(add, add, cases);
        TEST(add_scalar, add_scalar, cases);
        TEST(multiply, multiply, cases);
        TEST(multiply_scalar, multiply_scalar, cases);
        TEST(maximum, maximum, cases);
        TEST(minimum, minimum, cases);
        TEST(lookup, lookup, cases);
        TEST(sum_rows, sum_rows, cases);
        TEST(max_rows, max_rows, cases);
        TEST(scale_sums, scale_sums, cases);
        TEST(average, average, cases);
    }
    return 0;
}
