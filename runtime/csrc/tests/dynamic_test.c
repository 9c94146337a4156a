/* The kernels of dynamic range of every kernel set that this CPU runs against the scalar set, bit for bit, on seeded random shapes and
 * values.
 *
 *     dynamic_test [CASES [SET]] */
#include "plan/plan.h"
#include "random_floats.h"

/* As EVERY_KERNEL in elementwise_test.c: these functions are tested here, and another would not compile. */
typedef struct tested_gemm_dynamic {
    int32_t rows, columns;
    void (*packed_bytes)(void), (*pack)(void), (*run)(void);
} tested_gemm_dynamic;
_Static_assert(sizeof(tested_gemm_dynamic) == sizeof(eq_gemm_dynamic_kernel),
               "a function of eq_gemm_dynamic_kernel has no test");

static float random_float(void) {
    return random_scale() * (float)random_between(-1000, 1000);
}

static eq_dynamic_scale random_row_scale(void) {
    return (eq_dynamic_scale){random_scale(), PICK(0, -128, 127, random_between(-128, 127))};
}

static void test_gemm(const eq_kernels *scalar, const eq_kernels *set) {
    enum { MOST_ROWS = 192 };
    const eq_gemm_dynamic_kernel *kernel = &set->gemm_dynamic, *reference = &scalar->gemm_dynamic;
    const int32_t columns = PICK(1, 2, 8, 10, 16, 17, 64, 65, 130, random_between(1, 150)), segments = PICK(1, 1, 1, 2, 3, 5);
    const int32_t segment_bytes =
        PICK(1, 3, 4, 9, 15, 16, 27, 32, 33, 64, 100, random_between(1, 300), random_between(1, 14000));
    const int32_t limit = random_between(1, 20) == 1 || kernel->rows < 24 ? kernel->rows : 24;
    const int32_t rows = PICK(1, 2, 3, limit, random_between(1, limit));
    const int32_t first = random_between(0, (columns - 1) / kernel->columns) * PICK(0, 1) * kernel->columns;
    const int32_t last = PICK(columns, columns, random_between(first + 1, columns));
    const size_t taps = (size_t)segments * (size_t)segment_bytes;

    int8_t *weights = take_exact((size_t)columns * taps);
    fill(weights, (size_t)columns * taps, PICK(-127, -127, -128));
    float *scale = take_floats((size_t)columns, random_scale),
          *bias = random_between(0, 3) ? take_floats((size_t)columns, random_float) : NULL;
    const eq_gemm_dynamic_weights source = {columns, segments, segment_bytes, weights, scale, bias};
    void *packed = take(kernel->packed_bytes(&source)), *reference_packed = take(reference->packed_bytes(&source));
    kernel->pack(&source, packed);
    reference->pack(&source, reference_packed);
    ptrdiff_t offsets[8] = {0};
    for (int32_t s = 1; s < segments; s++) {
        offsets[s] = offsets[s - 1] + segment_bytes + PICK(0, 0, 1, 50);
    }
    const size_t window = (size_t)offsets[segments - 1] + (size_t)segment_bytes;
    const int32_t step = PICK(segment_bytes, 1, 0, 2 * segment_bytes), pixel = columns + PICK(0, 0, 1, 7);
    const size_t input_bytes = (size_t)(rows - 1) * (size_t)step + window + EQ_SLACK;
    int8_t *input = take_exact(input_bytes);
    fill(input, input_bytes, -128);
    const size_t outputs = (size_t)(rows - 1) * (size_t)pixel + (size_t)columns;
    float *expected = take_floats(outputs, random_float), *actual = (float *)(void *)take_exact(outputs * sizeof *actual);
    memcpy(actual, expected, outputs * sizeof *actual);
    const int8_t *in[MOST_ROWS];
    eq_dynamic_scale scales[MOST_ROWS];
    float *expected_rows[MOST_ROWS], *out[MOST_ROWS];
    for (int32_t r = 0; r < rows; r++) {
        in[r] = input + (ptrdiff_t)r * step;
        scales[r] = random_row_scale();
        expected_rows[r] = expected + (ptrdiff_t)r * pixel;
        out[r] = actual + (ptrdiff_t)r * pixel;
    }

    const bounds range = random_bounds();
    eq_gemm_dynamic gemm = {reference_packed, columns, segments, segment_bytes, offsets, range.min, range.max};
    reference->run(&gemm, in, scales, expected_rows, rows, first, last);
    gemm.packed = packed;
    kernel->run(&gemm, in, scales, out, rows, first, last);
    char text[200];
    snprintf(text, sizeof text, "columns %d (%d to %d), segments %d of %d bytes, rows %d, step %d", columns, first, last,
             segments, segment_bytes, rows, step);
    expect_equal(expected, actual, outputs * sizeof *actual, text);
    free(weights), free(scale), free(bias), free(packed), free(reference_packed), free(input), free(expected), free(actual);
}

static void test_depthwise(const eq_kernels *scalar, const eq_kernels *set) {
    const int32_t channels = PICK(1, 3, 8, 15, 16, 17, 24, random_between(1, 70)), size = PICK(3, 3, 3, 1, 2, 5, 9);
    const int32_t height = PICK(size, size, random_between(1, 9)), width = PICK(size, size, random_between(1, 9));
    const int32_t dilation_y = PICK(1, 1, 2), dilation_x = PICK(1, 1, 3), stride_y = PICK(1, 2), stride_x = PICK(1, 2, 3);
    const int32_t rows = random_between(1, 4), out_width = PICK(1, 2, 3, 4, 5, random_between(1, 20));
    const int32_t in_width = (out_width - 1) * stride_x + (width - 1) * dilation_x + 1;
    const int32_t in_height = (rows - 1) * stride_y + (height - 1) * dilation_y + 1, row = (in_width + PICK(0, 1)) * channels;
    const size_t taps = (size_t)height * (size_t)width * (size_t)channels;
    const size_t input_bytes = (size_t)(in_height * row) + EQ_SLACK, outputs = (size_t)(rows * out_width * channels);
    int8_t *weights = take_exact(taps), *input = take_exact(input_bytes);
    fill(weights, taps, PICK(-127, -127, -128));
    fill(input, input_bytes, -128);
    float *scale = take_floats((size_t)channels, random_scale), *bias = take_floats((size_t)channels, random_float);
    float *expected = take_floats(outputs, random_float), *actual = take_floats(outputs, random_float);
    const bounds range = random_bounds();
    const eq_depthwise_dynamic depthwise = {.weights = weights,
                                            .scale = scale,
                                            .bias = bias,
                                            .channels = channels,
                                            .height = height,
                                            .width = width,
                                            .tap_row = dilation_y * row,
                                            .tap_column = dilation_x * channels,
                                            .in_row = stride_y * row,
                                            .in_column = stride_x * channels,
                                            .out_width = out_width,
                                            .min = range.min,
                                            .max = range.max};
    const eq_dynamic_scale in_scale = random_row_scale();
    scalar->depthwise_dynamic(&depthwise, input, in_scale, expected, rows);
    set->depthwise_dynamic(&depthwise, input, in_scale, actual, rows);
    char text[200];
    snprintf(text, sizeof text, "channels %d, kernel %dx%d, dilation %dx%d, stride %dx%d, output %dx%d", channels, height,
             width, dilation_y, dilation_x, stride_y, stride_x, rows, out_width);
    expect_equal(expected, actual, outputs * sizeof *actual, text);
    free(weights), free(input), free(scale), free(bias), free(expected), free(actual);
}

static void test_quantize(const eq_kernels *scalar, const eq_kernels *set) {
    const size_t n = (size_t)PICK(0, 1, 7, 8, 15, 16, 17, 33, 64, random_between(0, 300));
    float *in = take_floats(n, random_float);
    for (size_t i = 0; i < n; i++) {
        in[i] = random_between(0, 2) ? in[i] : (float)PICK(0, 1, -1, 3, 255) * 0.5f; /* ties */
    }
    const float units[] = {1.0f, 1.0f, 1.0f, 1e-34f, 1e-38f, 1e-40f}, unit = units[random_bits() % 6];
    for (size_t i = 0; i < n; i++) {
        in[i] *= unit;
    }
    if (n > 3 && random_between(0, 4) == 0) {
        in[n / 2] = NAN, in[1] = INFINITY, in[n - 1] = -INFINITY;
    }
    float expected_range[2], range[2];
    scalar->range_f32(in, n, &expected_range[0], &expected_range[1]);
    set->range_f32(in, n, &range[0], &range[1]);
    const bool away = random_between(0, 1), symmetric = away && random_between(0, 1);
    const int32_t zero = symmetric ? 0 : random_between(-127, 127);
    const float size = symmetric ? 2 * fmaxf(-range[0], range[1]) : range[1] - range[0];
    const float most_factor = (symmetric ? 254 : 255) / (size > 0 ? size : 1);
    const float factor = (float)PICK(1, 3, 20) * (random_between(0, 1) ? 1.0f : random_scale()) / unit;
    const eq_quantize_f32 quantize = {.factor = factor < most_factor ? factor : most_factor,
                                      .min = (float)((symmetric ? -127 : -128) - zero),
                                      .max = (float)(127 - zero),
                                      .away = away,
                                      .zero = zero};
    int8_t *expected = take_exact(n), *actual = take_exact(n);
    memset(expected, 0x55, n);
    memset(actual, 0x55, n);
    scalar->quantize_f32(&quantize, in, expected, n);
    set->quantize_f32(&quantize, in, actual, n);
    char text[200];
    snprintf(text, sizeof text, "n %zu, factor %g, away %d, zero %d", n, (double)quantize.factor, away, zero);
    expect_equal(expected_range, range, sizeof range, text);
    expect_equal(expected, actual, n, text);
    free(in), free(expected), free(actual);
}

static void test_set(const eq_kernels *scalar, const eq_kernels *set, const eq_kernels *slower, long cases) {
    TEST(gemm, gemm_dynamic.run, cases);
    TEST(depthwise, depthwise_dynamic, cases);
    TEST(quantize, quantize_f32, cases);
}

int main(int argc, char **argv) {
    return test_every_set(argc, argv, test_set);
}
