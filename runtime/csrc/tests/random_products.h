/* One random matrix product or depthwise convolution, by two kernel sets. */
#ifndef EQ_RANDOM_PRODUCTS_H
#define EQ_RANDOM_PRODUCTS_H

#include "plan/plan.h"
#include "random_cases.h"

/* Scales and biases of a matrix product or depthwise convolution whose sums are at most 128 * taps * 128. */
static inline void random_requantization(int32_t *bias, float *scale, int32_t columns) {
    const int32_t to_limit = 7 << 20; /* sums of few taps that stay below 2^23, which is `small` with a zero point of -128 */
    const int32_t largest = PICK(0, 100, 100000, 1 << 21, to_limit, to_limit, 0x7fffffff);
    const bool same_scale = random_between(0, 1);
    for (int32_t n = 0; n < columns; n++) {
        bias[n] = largest == 0x7fffffff ? (int32_t)random_bits() : random_between(-largest, largest);
        const float own = largest == to_limit ? (float)random_between(1, 300) / (float)to_limit : random_scale();
        scale[n] = n && same_scale ? scale[0] : own;
    }
}

/* As the contract's `small`: weights are (columns, taps), `stride` apart. */
static inline bool is_small(const int8_t *weights, int32_t shift, int32_t columns, int32_t taps, int32_t column_stride,
                            int32_t tap_stride, const int32_t *bias, const float *scale, int32_t zero_point) {
    const int64_t limit = zero_point == -128 ? 1 << 23 : 1 << 22;
    for (int32_t n = 0; n < columns; n++) {
        int64_t bound = llabs(bias[n]);
        for (int32_t t = 0; t < taps; t++) {
            bound += 128 * abs(weights[n * column_stride + t * tap_stride] + shift);
        }
        if (bound >= limit || (double)bound * scale[n] >= (1 << 15) - (1 << 8)) {
            return false;
        }
    }
    return true;
}

/* As EVERY_KERNEL in elementwise_test.c: these functions are tested here, and another would not compile. */
typedef struct tested_gemm {
    int32_t rows, columns;
    bool no_minimum_weight, shifts;
    void (*packed_bytes)(void), (*pack)(void), (*run)(void);
} tested_gemm;
_Static_assert(sizeof(tested_gemm) == sizeof(eq_gemm_kernel), "a function of eq_gemm_kernel has no test");

typedef struct tested_depthwise {
    int32_t rows;
    void (*packed_bytes)(void), (*pack)(void), (*run)(void);
} tested_depthwise;
_Static_assert(sizeof(tested_depthwise) == sizeof(eq_depthwise_kernel), "a function of eq_depthwise_kernel has no test");

static inline void test_gemm(const eq_kernels *scalar, const eq_kernels *set) {
    const eq_gemm_kernel *kernel = &set->gemm, *reference = &scalar->gemm;
    const bool is_long = random_between(1, 20) == 1; /* windows that fit no block of a kernel's, or of a few rows only */
    const int32_t columns =
        is_long ? PICK(1, 1, 2, 9) : PICK(1, 2, 3, 8, 10, 16, 17, 31, 32, 48, 63, 64, 65, 96, 128, 130, random_between(1, 200));
    const int32_t segments = PICK(1, 1, 1, 2, 3, 3, 5, 7, 10, 11);
    const int32_t segment_bytes = is_long ? PICK(5200, 10400, 41600) / segments
                                          : PICK(1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 21, 27, 31, 32, 33, 48, 63, 64, 65, 128,
                                                 192, random_between(1, 300));
    const int32_t limit = is_long ? 9 : random_between(1, 20) == 1 ? kernel->rows : 72;
    const int32_t most_rows = kernel->rows < limit ? kernel->rows : limit;
    const int32_t rows = PICK(1, 2, 3, most_rows, random_between(1, most_rows));
    const size_t taps = (size_t)segments * (size_t)segment_bytes;

    int8_t *weights = take_exact((size_t)columns * taps);
    fill(weights, (size_t)columns * taps, kernel->no_minimum_weight ? -127 : -128);
    int32_t *bias = take((size_t)columns * sizeof *bias);
    float *scale = take((size_t)columns * sizeof *scale);
    random_requantization(bias, scale, columns);
    const output_range range = random_range();
    const int32_t shift = kernel->shifts ? PICK(0, 1, -127, 128, random_between(-127, 128)) : 0;
    eq_gemm_weights source = {columns, segments, segment_bytes, weights, bias, scale, range.zero_point, false, shift};
    void *packed = take(kernel->packed_bytes(&source)), *reference_packed = take(reference->packed_bytes(&source));
    reference->pack(&source, reference_packed);

    ptrdiff_t offsets[12] = {0};
    const bool even = random_between(0, 1);
    for (int32_t s = 1, gap = PICK(0, 0, 1, 50); s < segments; s++, gap = even ? gap : PICK(0, 0, 1, 50)) {
        offsets[s] = offsets[s - 1] + segment_bytes + gap;
    }
    const size_t window = (size_t)offsets[segments - 1] + (size_t)segment_bytes;
    const int32_t step = PICK(segment_bytes, 1, 0, 2 * segment_bytes, 16);
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
    const bool small = is_small(weights, shift, columns, (int32_t)taps, (int32_t)taps, 1, bias, scale, range.zero_point);
    eq_gemm gemm = {reference_packed, columns,   segments, segment_bytes, offsets,      range.zero_point,
                    range.min,        range.max, false,    shift,         PICK(0, step)};
    memset(expected, 0x55, output_bytes);
    for (int32_t r = 0; r < rows; r += reference->rows) {
        reference->run(&gemm, in + r, expected_rows + r, rows - r < reference->rows ? rows - r : reference->rows, first, last);
    }
    gemm.packed = packed;
    for (int as_small = 0; as_small <= (int)small; as_small++) {
        char text[300];
        snprintf(text, sizeof text,
                 "columns %d (%d to %d), shift %d, segments %d of %d bytes, rows %d, step %d, range %d %d %d, small %d",
                 columns, first, last, shift, segments, segment_bytes, rows, step, range.zero_point, range.min, range.max,
                 as_small);
        memset(actual, 0x55, output_bytes);
        gemm.small = source.small = as_small;
        kernel->pack(&source, memset(packed, 0, kernel->packed_bytes(&source)));
        kernel->run(&gemm, in, out, rows, first, last);
        expect_equal(expected, actual, output_bytes, text);
    }
    free(weights), free(bias), free(scale), free(packed), free(reference_packed), free(input), free(expected), free(actual);
    free(in), free(expected_rows), free(out);
}

typedef struct tested_winograd {
    int32_t tiles;
    void (*packed_bytes)(void), (*pack)(void), (*scratch_bytes)(void), (*run)(void);
} tested_winograd;
_Static_assert(sizeof(tested_winograd) == sizeof(eq_winograd_kernel), "a function of eq_winograd_kernel has no test");

/* One row of tiles, of which the last begins where it ends with the row, against the scalar matrix product. */
static inline void test_winograd(const eq_kernels *scalar, const eq_kernels *set) {
    const eq_winograd_kernel *kernel = &set->winograd;
    const int32_t channels = 8 * PICK(1, 1, 2, 3, 4, random_between(1, EQ_WINOGRAD_CHANNELS / 8)),
                  columns = 8 * random_between(1, 6);
    const int32_t count = random_between(1, kernel->tiles), overlap = count > 1 ? random_between(0, 3) : 0;
    const int32_t width = 4 * count - overlap, shown = count > 1 ? 4 : random_between(1, 4), taps = 9 * channels;
    const int32_t first_row = random_between(0, 3), last_row = random_between(first_row, 4);

    int8_t *weights = take_exact((size_t)(columns * taps));
    fill(weights, (size_t)(columns * taps), -128);
    int32_t *bias = take((size_t)columns * sizeof *bias);
    float *scale = take((size_t)columns * sizeof *scale);
    random_requantization(bias, scale, columns);
    const output_range range = random_range();
    eq_gemm_weights source = {columns, 3, 3 * channels, weights, bias, scale, range.zero_point, false, 0};
    void *packed = take(kernel->packed_bytes(&source)), *reference_packed = take(scalar->gemm.packed_bytes(&source));
    scalar->gemm.pack(&source, reference_packed);

    const ptrdiff_t in_row = (width + 2) * channels + PICK(0, channels, 5), out_row = width * columns + PICK(0, 7);
    const size_t input_bytes = (size_t)(5 * in_row + (width + 2) * channels);
    int8_t *input = take_exact(input_bytes);
    fill(input, input_bytes, -128);
    const size_t output_bytes = (size_t)(3 * out_row + width * columns);
    int8_t *expected = take_exact(output_bytes), *actual = take_exact(output_bytes);
    const int32_t first = random_between(0, columns / 8 - 1) * 8, last = random_between(first / 8 + 1, columns / 8) * 8;
    const ptrdiff_t offsets[3] = {0, in_row, 2 * in_row};
    const eq_gemm gemm = {
        reference_packed, columns, 3, 3 * channels, offsets, range.zero_point, range.min, range.max, false, 0, 0};
    memset(expected, 0x55, output_bytes);
    for (int32_t y = first_row; y < last_row; y++) {
        for (int32_t x = 0; x < width && x - (width - 4) < shown; x++) {
            const int8_t *window = input + y * in_row + x * channels;
            int8_t *pixel = expected + y * out_row + x * columns;
            scalar->gemm.run(&gemm, &window, &pixel, 1, first, last);
        }
    }
    eq_winograd_tile *tiles = take((size_t)count * sizeof *tiles);
    for (int32_t t = 0; t < count; t++) {
        const int32_t x = t == count - 1 ? width - 4 : 4 * t;
        tiles[t] = (eq_winograd_tile){input + x * channels, actual + x * columns, first_row, last_row, shown};
    }
    void *scratch = take(kernel->scratch_bytes(channels));
    const bool small = is_small(weights, 0, columns, taps, taps, 1, bias, scale, range.zero_point);
    eq_winograd winograd = {packed, channels, columns, in_row, out_row, range.zero_point, range.min, range.max, false};
    for (int as_small = 0; as_small <= (int)small; as_small++) {
        char text[200];
        snprintf(text, sizeof text, "channels %d, columns %d (%d to %d), %d tiles, rows %d to %d, %d shown, small %d", channels,
                 columns, first, last, count, first_row, last_row, shown, as_small);
        memset(actual, 0x55, output_bytes);
        winograd.small = source.small = as_small;
        kernel->pack(&source, memset(packed, 0, kernel->packed_bytes(&source)));
        kernel->run(&winograd, tiles, count, first, last, scratch);
        expect_equal(expected, actual, output_bytes, text);
    }
    free(weights), free(bias), free(scale), free(packed), free(reference_packed), free(input), free(expected), free(actual);
    free(tiles), free(scratch);
}

static inline void test_depthwise_wide(const eq_kernels *scalar, const eq_kernels *set) {
    const int32_t channels = PICK(16, 17, 31, 32, 48, 96, random_between(16, 100)),
                  taps = PICK(1, 2, 9, 9, 25, random_between(1, 40));
    const int32_t columns = random_between(1, 9), step = random_between(1, 3) * channels;
    int16_t *weights = take((size_t)(taps * channels) * sizeof *weights);
    int32_t *bias = take((size_t)channels * sizeof *bias);
    float *scale = take((size_t)channels * sizeof *scale);
    ptrdiff_t *offsets = take((size_t)taps * sizeof *offsets);
    for (int32_t i = 0; i < taps * channels; i++) {
        weights[i] = (int16_t)PICK(-255, 255, random_between(-255, 255));
    }
    random_requantization(bias, scale, channels);
    for (int32_t t = 1; t < taps; t++) {
        offsets[t] = offsets[t - 1] + random_between(1, 2 * channels);
    }
    const size_t input_bytes = (size_t)(offsets[taps - 1] + (ptrdiff_t)(columns - 1) * step + channels);
    const size_t output_bytes = (size_t)(columns * channels);
    int8_t *input = take_exact(input_bytes), *expected = take_exact(output_bytes), *actual = take_exact(output_bytes);
    fill(input, input_bytes, -128);
    const output_range range = random_range();
    const eq_depthwise_wide layer = {bias,    scale, weights,          channels,  taps,
                                     offsets, step,  range.zero_point, range.min, range.max};
    scalar->depthwise_wide(&layer, input, expected, columns);
    set->depthwise_wide(&layer, input, actual, columns);
    char text[100];
    snprintf(text, sizeof text, "channels %d, taps %d, columns %d, %d apart", channels, taps, columns, step);
    expect_equal(expected, actual, output_bytes, text);
    free(weights), free(bias), free(scale), free(offsets), free(input), free(expected), free(actual);
}

static inline void test_depthwise(const eq_kernels *scalar, const eq_kernels *set) {
    const eq_depthwise_kernel *kernel = &set->depthwise, *reference = &scalar->depthwise;
    const int32_t channels = PICK(1, 3, 5, 8, 12, 15, 16, 17, 20, 24, 32, 40, 64, 65, 80, 96, 144, random_between(1, 200));
    const int32_t size = PICK(3, 3, 3, 5, 1, 2, 4, 6, 7);
    const int32_t height = PICK(size, size, size, random_between(1, 8));
    const int32_t width = random_between(0, 24) == 0 ? random_between(60, 140) : PICK(size, size, size, random_between(1, 8));
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
    const output_range range = random_range();
    eq_depthwise_weights source = {channels, height, width, weights, bias, scale, range.zero_point, false};
    void *packed = take(kernel->packed_bytes(&source)), *reference_packed = take(reference->packed_bytes(&source));
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

    const bool small = is_small(weights, 0, channels, taps, 1, channels, bias, scale, range.zero_point);
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
        depthwise.small = source.small = as_small;
        kernel->pack(&source, memset(packed, 0, kernel->packed_bytes(&source)));
        kernel->run(&depthwise, input, actual, rows);
        expect_equal(expected, actual, output_bytes, text);
    }
    free(weights), free(bias), free(scale), free(packed), free(reference_packed), free(input), free(expected), free(actual);
}

#endif
