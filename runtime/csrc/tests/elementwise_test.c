/* The elementwise and pooling kernels of every kernel set that this CPU runs against the scalar set, bit for bit, on seeded
 * random sizes and values.
 *
 *     elementwise_test [CASES [SET]]
 *
 * One line for each set and kernel; exits with 1 at the first difference, after its parameters. Buffers have their exact
 * size plus the slack that the contract grants, so that AddressSanitizer sees every access beyond it. */
#include <math.h>

#include "random_cases.h"
#include "random_floats.h"
#include "read/operator_codes.h"

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
    const eq_add add = {random_between(-(1 << 28), 1 << 28),
                        random_between(-largest, largest),
                        random_between(-largest, largest),
                        random_between(8, 30),
                        range.zero_point,
                        range.min,
                        range.max};
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
    const eq_multiply multiply = {
        random_between(-128, 127), random_between(-128, 127), random_scale(), range.zero_point, range.min, range.max};
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
    for (int32_t c = 0; c < channels; c++) {
        expected[c] = actual[c] = random_between(-1000, 1000);
    }
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
    for (size_t i = 0; i < e->n; i++) {
        sums[i] = largest == 0x7fffffff ? (int32_t)random_bits() : random_between(-largest, largest);
    }
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

static eq_fixed random_factor(void) {
    return (eq_fixed){PICK(0, 1 << 30, INT32_MAX, -INT32_MAX, random_between(1 << 30, INT32_MAX)),
                      PICK(0, -31, 30, random_between(-12, 2))};
}

static void test_rescale(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    int32_t *acc = take_sums(&e, PICK(20, 5000, 1 << 22, 0x7fffffff));
    for (size_t i = 0; i < e.n; i += 7) {
        acc[i] = PICK(0, INT32_MAX, INT32_MIN, 1 << random_between(0, 30));
    }
    const output_range range = random_range();
    const eq_fixed factor = random_factor();
    const eq_rescale rescale = {factor, range.zero_point, range.min, range.max};
    scalar->rescale(&rescale, acc, e.expected, e.n);
    set->rescale(&rescale, acc, e.actual, e.n);
    snprintf(e.text, sizeof e.text, "n %zu, factor %d, shift %d, range %d %d %d", e.n, factor.multiplier, factor.shift,
             range.zero_point, range.min, range.max);
    compare_and_free(&e);
    free(acc);
}

static void test_add_fixed(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    e.n = e.n / 4 * 4;
    int32_t *acc = take_sums(&e, PICK(20, 5000, 1 << 22, 0x7fffffff)), *bias = take_sums(&e, PICK(20, 0x7fffffff));
    const eq_fixed factor = random_factor();
    int16_t *expected = (int16_t *)(void *)take_exact(e.n * sizeof *expected),
            *actual = (int16_t *)(void *)take_exact(e.n * sizeof *actual);
    fill((int8_t *)expected, e.n * sizeof *expected, -128);
    memcpy(actual, expected, e.n * sizeof *actual);
    scalar->add_fixed(factor, acc, bias, expected, e.n);
    set->add_fixed(factor, acc, bias, actual, e.n);
    snprintf(e.text, sizeof e.text, "n %zu, factor %d, shift %d", e.n, factor.multiplier, factor.shift);
    expect_equal(expected, actual, e.n * sizeof *expected, e.text);
    compare_and_free(&e);
    free(acc), free(bias), free(expected), free(actual);
}

enum { EVERY_INT16 = 65536, LOGISTIC = -1, TANH_FORMATS = 7 };

/* A gate of `n` numbers from the `first` on, in place. */
static void compare_gate(const eq_kernels *scalar, const eq_kernels *set, int32_t integer_bits, size_t first, size_t n) {
    static int16_t in[EVERY_INT16], expected[EVERY_INT16], actual[EVERY_INT16];
    const bool is_tanh = integer_bits != LOGISTIC;
    for (size_t i = 0; i < n; i++) {
        in[i] = actual[i] = (int16_t)(uint16_t)(first + i);
    }
    is_tanh ? scalar->fixed_tanh(in, integer_bits, expected, n) : scalar->fixed_logistic(in, expected, n);
    is_tanh ? set->fixed_tanh(actual, integer_bits, actual, n) : set->fixed_logistic(actual, actual, n);
    char text[100];
    snprintf(text, sizeof text, "n %zu, first %zu, integer bits %d", n, first, integer_bits);
    expect_equal(expected, actual, n * sizeof *expected, text);
}

static void test_fixed_tanh(const eq_kernels *scalar, const eq_kernels *set) {
    compare_gate(scalar, set, random_between(0, TANH_FORMATS - 1), (size_t)random_between(0, EVERY_INT16 - 40),
                 (size_t)random_between(0, 40));
}

static void test_fixed_logistic(const eq_kernels *scalar, const eq_kernels *set) {
    compare_gate(scalar, set, LOGISTIC, (size_t)random_between(0, EVERY_INT16 - 40), (size_t)random_between(0, 40));
}

/* Every number there is, in every format. */
static void test_gates(const eq_kernels *scalar, const eq_kernels *set) {
    for (int32_t integer_bits = LOGISTIC; integer_bits < TANH_FORMATS; integer_bits++) {
        compare_gate(scalar, set, integer_bits, 0, EVERY_INT16);
    }
}

static void test_dot(const eq_kernels *scalar, const eq_kernels *set) {
    const int32_t depth = EQ_DOT_DEPTH * random_between(1, 12), columns = EQ_DOT_COLUMNS * random_between(1, 12);
    const size_t b_bytes = (size_t)depth * (size_t)columns, bytes = (size_t)columns * sizeof(int32_t);
    int8_t *a = take_exact((size_t)depth), *b = take_exact(b_bytes);
    int32_t *expected = (int32_t *)(void *)take_exact(bytes), *actual = (int32_t *)(void *)take_exact(bytes);
    fill(a, (size_t)depth, -128);
    fill(b, b_bytes, -128);
    scalar->dot(a, b, depth, columns, expected);
    set->dot(a, b, depth, columns, actual);
    char text[100];
    snprintf(text, sizeof text, "depth %d, columns %d", depth, columns);
    expect_equal(expected, actual, bytes, text);
    free(a), free(b), free(expected), free(actual);
}

static void test_average(const eq_kernels *scalar, const eq_kernels *set) {
    elements e = take_elements();
    const int32_t count = PICK(1, 2, 3, 4, 9, 49, random_between(1, 300), random_between(1, (1 << 22) - 1));
    int32_t *sums = take_sums(&e, 128 * count);
    const int32_t shift = PICK(0, 0, 128);
    const output_range range = random_range();
    scalar->average(sums, count, shift, range.min, range.max, e.expected, e.n);
    set->average(sums, count, shift, range.min, range.max, e.actual, e.n);
    snprintf(e.text, sizeof e.text, "n %zu, count %d, range %d %d", e.n, count, range.min, range.max);
    compare_and_free(&e);
    free(sums);
}

static void test_bilinear(const eq_kernels *scalar, const eq_kernels *set) {
    elements a = take_elements(), b = take_elements();
    elements *shorter = a.n < b.n ? &a : &b;
    const int8_t *corners[4] = {a.a, a.b, b.a, b.b};
    const int32_t right = PICK(0, 1024, 2047, random_between(0, 2048)), bottom = PICK(0, 1024, 2047, random_between(0, 2048));
    scalar->bilinear(corners, right, bottom, (int32_t)shorter->n, shorter->expected);
    set->bilinear(corners, right, bottom, (int32_t)shorter->n, shorter->actual);
    snprintf(shorter->text, sizeof shorter->text, "n %zu, weights %d %d", shorter->n, right, bottom);
    compare_and_free(&a);
    compare_and_free(&b);
}

static void test_transpose(const eq_kernels *scalar, const eq_kernels *set) {
    const int32_t rows = random_between(1, 50), columns = random_between(1, 50);
    elements e = {.n = (size_t)(rows * columns)};
    e.a = take_exact(e.n), e.b = take_exact(e.n), e.expected = take_exact(e.n), e.actual = take_exact(e.n);
    fill(e.a, e.n, -128);
    scalar->transpose(e.a, columns, e.expected, rows, rows, columns);
    set->transpose(e.a, columns, e.actual, rows, rows, columns);
    snprintf(e.text, sizeof e.text, "%d x %d", rows, columns);
    compare_and_free(&e);
}

/* The scalar set has none: each value is compared with where it came from. */
static void test_transpose_4(const eq_kernels *scalar, const eq_kernels *set) {
    (void)scalar;
    const int32_t rows = PICK(3, random_between(1, 40)), columns = random_between(1, 40), wide = columns + PICK(0, 1, 5);
    const size_t n = (size_t)rows * (size_t)wide;
    uint32_t *in = (uint32_t *)(void *)take_exact(n * sizeof *in), *out = (uint32_t *)(void *)take_exact(n * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        in[i] = random_bits();
    }
    set->transpose_4((const int8_t *)in, wide * 4, (int8_t *)out, rows * 4, rows, columns);
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t c = 0; c < columns; c++) {
            expect_equal(&in[r * wide + c], &out[c * rows + r], sizeof *in, "of four bytes");
        }
    }
    free(in), free(out);
}

/* ---- float32 ---- */

static float random_float(void) {
    const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY, NAN, 1e30f, -1e-30f, 0.5f, 2.5f, -3.5f};
    return random_between(0, 9) ? random_scale() * (float)random_between(-3000, 3000) : special[random_bits() % 12];
}

/* Any number that is none is as good as another. */
static void expect_floats(float *expected, float *actual, size_t n, const char *text) {
    for (size_t i = 0; i < n; i++) {
        if (isnan(expected[i]) && isnan(actual[i])) {
            actual[i] = expected[i];
        }
    }
    expect_equal(expected, actual, n * sizeof *expected, text);
}

static void test_unary_f32(const eq_kernels *scalar, const eq_kernels *set) {
    static const int32_t codes[] = {EQ_OP_FLOOR,      EQ_OP_LOGISTIC, EQ_OP_RELU,       EQ_OP_RELU_N1_TO_1, EQ_OP_RELU6,
                                    EQ_OP_TANH,       EQ_OP_EXP,      EQ_OP_NEG,        EQ_OP_SIN,          EQ_OP_LOG,
                                    EQ_OP_SQRT,       EQ_OP_RSQRT,    EQ_OP_SQUARE,     EQ_OP_LEAKY_RELU,   EQ_OP_ABS,
                                    EQ_OP_SIGN,       EQ_OP_CEIL,     EQ_OP_COS,        EQ_OP_ELU,          EQ_OP_ROUND,
                                    EQ_OP_HARD_SWISH, EQ_OP_GELU,     EQ_OP_RELU_0_TO_1};
    const eq_unary_f32 options = {pick(codes, sizeof codes / sizeof *codes), 0.3f, random_between(0, 1)};
    const size_t n = (size_t)PICK(0, 1, 7, 8, 15, 16, 17, 33, random_between(0, 200));
    float *in = take_floats(n, random_float), *expected = take_floats(n, random_float), *actual = take_floats(n, random_float);
    char text[100];
    snprintf(text, sizeof text, "operator %d, n %zu", options.code, n);
    if (!scalar->unary_f32(&options, in, expected, n) || !set->unary_f32(&options, in, actual, n)) {
        printf("%s: is missing\n", text);
        exit(1);
    }
    expect_floats(expected, actual, n, text);
    free(in), free(expected), free(actual);
}

/* Of two inputs: what a row's operator gives for one pair of values, the operator's first and second input. */
static float of_pair(int32_t code, float a, float b) {
    return code == EQ_OP_ADD                  ? a + b
           : code == EQ_OP_SUB                ? a - b
           : code == EQ_OP_MUL                ? a * b
           : code == EQ_OP_DIV                ? a / b
           : code == EQ_OP_MAXIMUM            ? (a > b ? a : b)
           : code == EQ_OP_MINIMUM            ? (a < b ? a : b)
           : code == EQ_OP_SQUARED_DIFFERENCE ? (a - b) * (a - b)
           : code == EQ_OP_PRELU              ? (a >= 0 ? a : a * b)
                                              : 12345.0f;
}

static bool is_arithmetic(int32_t code) {
    return code == EQ_OP_ADD || code == EQ_OP_SUB || code == EQ_OP_MUL || code == EQ_OP_DIV;
}

static void test_binary_f32(const eq_kernels *scalar, const eq_kernels *set) {
    (void)scalar;
    for (const eq_binary_f32 *row = set->binary_f32; row->order[0].run; row++) {
        const size_t n = (size_t)PICK(0, 1, 7, 8, 15, 16, 17, 33, random_between(0, 200));
        const int32_t order = random_between(0, 1);
        const bool one = random_between(0, 1);
        const eq_bounds bounds = {PICK(-1, 0) ? -INFINITY : -0.5f, random_between(0, 1) ? INFINITY : 6.0f};
        float *a = take_floats(n, random_float), *b = take_floats(n + 1, random_float);
        float *expected = take_floats(n, random_float), *actual = take_floats(n, random_float);
        for (size_t i = 0; i < n; i++) {
            const float other = b[one ? 0 : i];
            const float y = order ? of_pair(row->code, other, a[i]) : of_pair(row->code, a[i], other);
            expected[i] = is_arithmetic(row->code) ? eq_bounded(&bounds, y) : y;
        }
        (one ? row->order[order].run_scalar : row->order[order].run)(&bounds, a, b, actual, n);
        char text[100];
        snprintf(text, sizeof text, "operator %d, order %d, n %zu, of one %d", row->code, order, n, one);
        expect_floats(expected, actual, n, text);
        free(a), free(b), free(expected), free(actual);
    }
}

/* Few different values, so that most are there several times. */
static void test_first_best(const eq_kernels *scalar, const eq_kernels *set) {
    const int32_t n = PICK(16, 17, 31, 32, 33, random_between(16, 200)), low = random_between(-128, 124);
    const bool smallest = random_between(0, 1);
    int8_t *in = take_exact((size_t)n);
    (void)scalar;
    int32_t expected = 0;
    for (int32_t i = 0; i < n; i++) {
        in[i] = (int8_t)random_between(low, low + 3);
        expected = (smallest ? in[i] < in[expected] : in[i] > in[expected]) ? i : expected;
    }
    const int32_t actual = set->first_best(in, n, smallest);
    char text[100];
    snprintf(text, sizeof text, "n %d, smallest %d", n, smallest);
    expect_equal(&expected, &actual, sizeof actual, text);
    free(in);
}

#define EVERY_KERNEL(DO) \
    DO(unary_f32)        \
    DO(binary_f32)       \
    DO(add)              \
    DO(add_scalar)       \
    DO(multiply)         \
    DO(multiply_scalar)  \
    DO(first_best)       \
    DO(maximum)          \
    DO(minimum)          \
    DO(lookup)           \
    DO(sum_rows)         \
    DO(max_rows)         \
    DO(scale_sums)       \
    DO(rescale)          \
    DO(add_fixed)        \
    DO(fixed_tanh)       \
    DO(fixed_logistic)   \
    DO(dot)              \
    DO(average)          \
    DO(bilinear)         \
    DO(transpose)        \
    DO(transpose_4)

/* A kernel set as large as its tests: a new kernel without a test does not compile. */
#define MEMBER(kernel) void (*kernel)(void);
typedef struct tested {
    const char *name;
    eq_gemm_kernel gemm; /* products_test.c */
    eq_winograd_kernel winograd;
    eq_depthwise_kernel depthwise;
    void (*depthwise_wide)(void);
    eq_gemm_f32_kernel gemm_f32; /* float_products_test.c */
    eq_depthwise_f32_kernel depthwise_f32;
    eq_gemm_f32_kernel gemm_f16;
    eq_depthwise_f32_kernel depthwise_f16;
    eq_gemm_dynamic_kernel gemm_dynamic; /* dynamic_test.c */
    void (*depthwise_dynamic)(void), (*range_f32)(void), (*quantize_f32)(void);
    eq_tile_transforms winograd_f32, winograd_f16; /* the former and the next three: float_windows_test.c */
    void (*largest_f32)(void), (*average_f32)(void), (*bilinear_f32)(void);
    void (*widen_f16)(void), (*narrow_f16)(void), (*add_f16)(void), (*multiply_f16)(void); /* float_products_test.c */
    EVERY_KERNEL(MEMBER)
} tested;
_Static_assert(sizeof(tested) == sizeof(eq_kernels),
               "a kernel of src/kernels.h has no test: write one, and add it to EVERY_KERNEL");

static void test_set(const eq_kernels *scalar, const eq_kernels *set, const eq_kernels *slower, long cases) {
#define TEST_IT(kernel) TEST(kernel, kernel, cases);
    EVERY_KERNEL(TEST_IT)
    if (set->fixed_tanh != slower->fixed_tanh || set->fixed_logistic != slower->fixed_logistic) {
        test_gates(scalar, set);
    }
}

int main(int argc, char **argv) {
    return test_every_set(argc, argv, test_set);
}
