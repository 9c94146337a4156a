/* What becomes of windows of float32 beside products: pools, resizing and the transforms of Winograd's convolutions, of every
 * kernel set that this CPU runs against the scalar set, bit for bit, on seeded random shapes and values.
 *
 *     float_windows_test [CASES [SET]] */
#include "plan/plan.h"
#include "random_floats.h"

static float random_float(void) {
    const float size[] = {1.0f, 1.0f, 1.0f, 1e-3f, 100.0f, 0.0f, -0.0f};
    return size[random_bits() % 7] * ((float)random_between(-(1 << 20), 1 << 20) / (float)(1 << 20));
}

static float random_or_special(void) {
    return PICK(0, 0, 0, 0, 1) ? PICK(0, 1) ? NAN : -INFINITY : random_float();
}

static int32_t random_channels(void) {
    return PICK(1, 3, 4, 7, 8, 9, 12, 15, 16, 17, 24, 32, 33, random_between(1, 100));
}

typedef struct floats {
    size_t n;
    float *expected, *actual;
    char text[200];
} floats;

static floats take_results(size_t n) {
    floats f = {n, take_floats(n, random_float), take_floats(n, random_float), ""};
    memcpy(f.actual, f.expected, n * sizeof *f.actual);
    return f;
}

static void compare_and_free(floats *f) {
    expect_equal(f->expected, f->actual, f->n * sizeof *f->expected, f->text);
    free(f->expected), free(f->actual);
}

static void test_largest_f32(const eq_kernels *scalar, const eq_kernels *set) {
    eq_windows_f32 w = {.rows = random_between(1, 4), .columns = random_between(1, 4), .channels = random_channels()};
    w.pixels = random_between(1, 6);
    w.step = (ptrdiff_t)random_between(1, 3) * w.channels;
    const ptrdiff_t line = w.step * (w.pixels - 1) + (ptrdiff_t)w.columns * w.channels;
    w.row = line + PICK(0, 1, 5);
    float *in = take_floats((size_t)(w.row * (w.rows - 1) + line), random_or_special);
    floats f = take_results((size_t)w.pixels * (size_t)w.channels);
    scalar->largest_f32(&w, in, f.expected);
    set->largest_f32(&w, in, f.actual);
    snprintf(f.text, sizeof f.text, "%d x %d, channels %d, pixels %d", w.rows, w.columns, w.channels, w.pixels);
    compare_and_free(&f);
    free(in);
}

static void test_average_f32(const eq_kernels *scalar, const eq_kernels *set) {
    const int32_t channels = random_channels();
    float *in = take_floats(10 * (size_t)channels, random_float);
    const float *taps[9];
    for (int i = 0; i < 9; i++) {
        taps[i] = in + i * channels;
    }
    const bounds range = random_bounds();
    const eq_bounds cut = {range.min, range.max};
    floats f = take_results((size_t)channels);
    const float scale = 1.0f / (float)random_between(1, 9);
    scalar->average_f32(taps, in + 9 * channels, scale, &cut, channels, f.expected);
    set->average_f32(taps, in + 9 * channels, scale, &cut, channels, f.actual);
    snprintf(f.text, sizeof f.text, "channels %d", channels);
    compare_and_free(&f);
    free(in);
}

static void test_bilinear_f32(const eq_kernels *scalar, const eq_kernels *set) {
    const int32_t channels = random_channels();
    float *in = take_floats(4 * (size_t)channels, random_float);
    const float *corners[4] = {in, in + channels, in + 2 * channels, in + 3 * channels};
    const float right = (float)random_between(0, 100) / 101.0f, bottom = (float)random_between(0, 100) / 101.0f;
    floats f = take_results((size_t)channels);
    scalar->bilinear_f32(corners, right, bottom, channels, f.expected);
    set->bilinear_f32(corners, right, bottom, channels, f.actual);
    snprintf(f.text, sizeof f.text, "channels %d", channels);
    compare_and_free(&f);
    free(in);
}

static void test_winograd_f32(const eq_kernels *scalar, const eq_kernels *set) {
    enum { IN = 6, OUT = 4 };
    const int32_t channels = 4 * random_between(2, 14), tiles = random_between(1, 6);
    const int32_t row = (OUT * tiles + IN - OUT) * channels + PICK(0, 8, 5), stride = tiles * channels + PICK(0, 8);
    const size_t values = (size_t)(IN * row);
    const ptrdiff_t row_bytes = row * (ptrdiff_t)sizeof(float);
    float *in = take_floats(values, random_float);
    floats points = take_results((size_t)(IN * IN * stride)), outputs = take_results(values);
    scalar->winograd_f32.input(in, row_bytes, channels, tiles, points.expected, stride);
    set->winograd_f32.input(in, row_bytes, channels, tiles, points.actual, stride);
    float *bias = take_floats((size_t)channels, random_float);
    const bounds range = random_bounds();
    const int32_t width = OUT * tiles - random_between(0, OUT - 1), height = random_between(1, OUT);
    const eq_tile_outputs o = {channels, random_between(0, 1) ? bias : NULL, range.min, range.max, row_bytes};
    scalar->winograd_f32.output(&o, points.expected, stride, tiles, outputs.expected, height, width);
    set->winograd_f32.output(&o, points.expected, stride, tiles, outputs.actual, height, width);
    snprintf(points.text, sizeof points.text, "points, channels %d, tiles %d", channels, tiles);
    snprintf(outputs.text, sizeof outputs.text, "outputs, channels %d, tiles %d, %d x %d", channels, tiles, height, width);
    compare_and_free(&points);
    compare_and_free(&outputs);
    free(in), free(bias);
}

static void test_set(const eq_kernels *scalar, const eq_kernels *set, const eq_kernels *slower, long cases) {
    TEST(largest_f32, largest_f32, cases);
    TEST(average_f32, average_f32, cases);
    TEST(bilinear_f32, bilinear_f32, cases);
    TEST(winograd_f32, winograd_f32.input, cases);
}

int main(int argc, char **argv) {
    return test_every_set(argc, argv, test_set);
}
