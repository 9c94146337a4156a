/* The inner loops that exist in several versions, one set for each kind of CPU, and the contract between them and ops/.
 *
 * The scalar set (kernels/scalar/) is the specification: every other set gives the same bits. A set starts from a slower one
 * and replaces what it does better.
 */
#ifndef EQ_KERNELS_H
#define EQ_KERNELS_H

#include "edgequant.h"
#include "arithmetic/fixed_point.h"

/* ---- matrix products: convolutions, fully connected layers ----
 *
 * One output value:  acc = bias[n] + sum over s, k of (weights[n][s][k] + shift) * in[segment_offsets[s] + k]   (int32, wraps)
 *                    out = saturate(round_half_even(clamp(float(acc) * scale[n], min - zp, max - zp)) + zp)
 * where `in` points at the first byte of the output's window. A segment is a run of adjacent input bytes: of a kernel row
 * (kernel width x channels) if the dilation is 1. The input's zero point is folded into the bias by the caller. */
typedef struct eq_gemm_weights {
    int32_t columns; /* output channels */
    int32_t segments;
    int32_t segment_bytes;
    const int8_t *weights; /* (columns, segments, segment_bytes) */
    const int32_t *bias;   /* (columns) */
    const float *scale;    /* (columns) */
    int32_t zero_point;    /* as the kernel will be given it, and */
    bool small;
    int32_t shift; /* -127 to 128, 0 unless the kernel `shifts`: old uint8 weights do not fit int8 without */
} eq_gemm_weights;

typedef struct eq_gemm {
    const void *packed;
    int32_t columns, segments, segment_bytes;
    const ptrdiff_t *segment_offsets;
    int32_t zero_point, min, max; /* of the output: -128 <= min <= max <= 127 */
    /* Every |acc| < 2^22 (2^23 where zero_point is -128), |acc * scale| < 2^15 - 2^8, scale < 2^100, proven from weights and bias:
     * shortcuts are exact. */
    bool small;
    int32_t shift; /* as of the weights */
    /* The least distance from a row to the next; 0: not known. Rows that are so far apart on average all are. */
    ptrdiff_t in_step;
} eq_gemm;

typedef struct eq_gemm_kernel {
    int32_t rows;           /* most rows (output pixels) in one call; the driver gives that many whenever it can */
    int32_t columns;        /* column ranges begin at multiples of this */
    bool no_minimum_weight; /* weights must not be -128: the caller splits them into two segments then */
    bool shifts;            /* for a kernel that does not, the caller splits weights that do not fit int8 */
    size_t (*packed_bytes)(const eq_gemm_weights *weights);
    void (*pack)(const eq_gemm_weights *weights, void *packed); /* packed is zeroed and aligned to 64 */
    /* Compute columns first_column to last_column - 1 of `rows` output pixels: in[r] points at the window of pixel r, out[r]
     * at its column 0. Up to EQ_SLACK bytes past a segment's end may be read. */
    void (*run)(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                int32_t last_column);
} eq_gemm_kernel;

/* ---- 3x3 convolution with stride 1, by Winograd's F(4x4, 3x3) ----
 *
 * What the matrix product of these weights gives, 3 segments of 3 * channels bytes, for tiles of 4x4 output pixels at once: from
 * sums that are exact, in another order, since integers have no rounding. */
enum { EQ_WINOGRAD_CHANNELS = 224 }; /* most: a sum of their products, 9 * channels * 2^14 at most, is below 2^25 */

typedef struct eq_winograd_tile {
    const int8_t *in;            /* the first of 6x6 pixels */
    int8_t *out;                 /* the first of 4x4 pixels */
    int32_t first_row, last_row; /* rows first_row to last_row - 1 of the tile are written, */
    int32_t columns;             /* so many pixels of each */
} eq_winograd_tile;

typedef struct eq_winograd {
    const void *packed;
    int32_t channels, columns; /* multiples of 8; the pixels of a row are adjacent */
    ptrdiff_t in_row, out_row; /* bytes between rows */
    int32_t zero_point, min, max;
    bool small; /* as of eq_gemm */
} eq_winograd;

typedef struct eq_winograd_kernel {
    int32_t tiles; /* most in one call; 0: the set has no such kernel */
    size_t (*packed_bytes)(const eq_gemm_weights *weights);
    void (*pack)(const eq_gemm_weights *weights, void *packed); /* packed is zeroed and aligned to 64 */
    size_t (*scratch_bytes)(int32_t channels);
    /* Compute columns first_column to last_column - 1, both multiples of 8, of `count` tiles. */
    void (*run)(const eq_winograd *winograd, const eq_winograd_tile *tiles, int32_t count, int32_t first_column,
                int32_t last_column, void *scratch);
} eq_winograd_kernel;

/* ---- depthwise convolution, multiplier 1 ----
 *
 * acc[c] = bias[c] + sum over y < height, x < width of weights[y][x][c] * in[y * tap_row + x * tap_column + c], then as above. */
typedef struct eq_depthwise_weights {
    int32_t channels, height, width;
    const int8_t *weights; /* (height, width, channels) */
    const int32_t *bias;   /* (channels) */
    const float *scale;    /* (channels) */
    int32_t zero_point;
    bool small;
} eq_depthwise_weights;

typedef struct eq_depthwise {
    const void *packed;
    int32_t channels, height, width;
    ptrdiff_t tap_row, tap_column; /* bytes between neighbouring taps, dilation included */
    ptrdiff_t in_row, in_column;   /* bytes between the windows of neighbouring outputs, stride included */
    ptrdiff_t out_row;             /* bytes between output rows; output columns are `channels` bytes apart */
    int32_t out_width;
    int32_t zero_point, min, max;
    bool small;
} eq_depthwise;

typedef struct eq_depthwise_kernel {
    int32_t rows; /* output rows that it likes to do together, such as 2 */
    size_t (*packed_bytes)(const eq_depthwise_weights *weights);
    void (*pack)(const eq_depthwise_weights *weights, void *packed);
    /* `rows` whole output rows; `in` points at the window of the first output. Up to EQ_SLACK bytes past each window's
     * end may be read. */
    void (*run)(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);
} eq_depthwise_kernel;

/* The same with weights of 16 bits, -255 to 255: those of old uint8 models, minus their zero points.
 *
 * acc[c] = bias[c] + sum over t < taps of weights[t][c] * in[tap_offsets[t] + c] (int32, wraps), then as above. */
enum { EQ_DEPTHWISE_WIDE_CHANNELS = 16 }; /* at least */

typedef struct eq_depthwise_wide {
    const int32_t *bias;    /* (channels) */
    const float *scale;     /* (channels) */
    const int16_t *weights; /* (taps, channels) */
    int32_t channels, taps;
    const ptrdiff_t *tap_offsets; /* bytes; ascending */
    ptrdiff_t in_column;          /* bytes, as of eq_depthwise */
    int32_t zero_point, min, max;
} eq_depthwise_wide;

/* Members of a set that only float32 layers use: not in a build that leaves these out (EQ_TYPES), nor are their functions then. */
#ifdef EQ_WITHOUT_FLOAT32
#define EQ_FLOAT32_KERNELS(...) .gemm_f32 = {.run = NULL}
#else
#define EQ_FLOAT32_KERNELS(...) __VA_ARGS__
#endif

/* The same of operators on plain numbers. */
#ifdef EQ_WITHOUT_PLAIN
#define EQ_PLAIN_KERNELS(...) .unary_f32 = NULL
#else
#define EQ_PLAIN_KERNELS(...) __VA_ARGS__
#endif

/* The same of gates of 16 bits: of recurrent layers, and of layers of int16. */
#ifdef EQ_WITHOUT_GATES
#define EQ_GATE_KERNELS(...) .fixed_tanh = NULL
#else
#define EQ_GATE_KERNELS(...) __VA_ARGS__
#endif

/* ---- float matrix products ----
 *
 * sum = bias[n], then for s, k in order: sum = weights[n][s][k] * in[segment_offsets[s] + k] + sum, rounded once (arithmetic/fused.h)
 * out = clamp(sum, min, max); NaN stays. Sets for CPUs without fused multiply-add round twice. */
typedef struct eq_gemm_f32_weights {
    int32_t columns, segments, taps; /* taps of a segment */
    const float *weights;            /* (columns, segments, taps) */
    const float *bias;               /* (columns), or NULL */
    bool columns_last;               /* weights are (segments, taps, columns) */
} eq_gemm_f32_weights;

typedef struct eq_gemm_f32 {
    const void *packed;
    int32_t columns, segments, taps;
    const ptrdiff_t *segment_offsets; /* bytes */
    float min, max;                   /* infinite: no bound */
} eq_gemm_f32;

typedef struct eq_gemm_f32_kernel {
    int32_t rows, columns; /* as of eq_gemm_kernel */
    size_t (*packed_bytes)(const eq_gemm_f32_weights *weights);
    void (*pack)(const eq_gemm_f32_weights *weights, void *packed); /* packed is zeroed and aligned to 64 */
    void (*run)(const eq_gemm_f32 *gemm, const void *const *in, void *const *out, int32_t rows, int32_t first_column,
                int32_t last_column);
} eq_gemm_f32_kernel;

/* Depthwise convolution, multiplier 1: sums as above, of the taps of one column after the other. */
typedef struct eq_depthwise_f32_weights {
    int32_t channels, height, width;
    const float *weights;  /* (channels) of each tap, which are so many values apart: */
    ptrdiff_t row, column; /* from one tap of a column to the next, and of a row */
    const float *bias;     /* (channels), or NULL */
} eq_depthwise_f32_weights;

typedef struct eq_depthwise_f32 {
    const void *packed;
    int32_t channels, height, width;
    ptrdiff_t tap_row, tap_column, in_row, in_column, out_row, out_column; /* bytes, as of eq_depthwise */
    int32_t out_width;
    float min, max;
} eq_depthwise_f32;

typedef struct eq_depthwise_f32_kernel {
    size_t (*packed_bytes)(const eq_depthwise_f32_weights *weights);
    void (*pack)(const eq_depthwise_f32_weights *weights, void *packed);
    /* `rows` whole output rows. Up to EQ_SLACK bytes past each window's end may be read. */
    void (*run)(const eq_depthwise_f32 *depthwise, const void *in, void *out, int32_t rows);
} eq_depthwise_f32_kernel;

/* ---- arithmetic on float16: `precision` of eq_model_options ----
 *
 * The two kernels above, where inputs, outputs, packed weights and biases are float16 in memory, and each fused multiply-add is
 * rounded to float16, once. `gemm_f16` sums chains, the first of which begins with the bias, the others with 0. A chain takes taps of
 * adjacent segments, at most EQ_F16_CHAIN; a segment that would not fit begins another, one that is longer is cut into so many
 * each. Sums of chains, where there are several, are added in float32, from 0 on, and the whole rounded to float16. Bounds are float16
 * numbers. Up to EQ_SLACK bytes past a segment's end may be read. `run` is NULL where the CPU has no such instructions. */
enum { EQ_F16_CHAIN = 192 };

/* Around the products of a Winograd convolution: from `tiles` adjacent tiles of inputs to points, and from products to tiles of outputs,
 * which get the bias (narrowed first) and then the bounds. Each operation is rounded. Points lie `stride` values apart, tiles of a point
 * one after the other. In float16: F(2x2, 3x3) with the points 0, 1, -1 and infinity, along columns first; a sum of three begins with
 * the first two, and channels are multiples of 8. */
typedef struct eq_tile_outputs {
    int32_t columns;
    const float *bias; /* (columns), or NULL */
    float min, max;
    ptrdiff_t row; /* bytes */
} eq_tile_outputs;

typedef struct eq_tile_transforms {
    void (*input)(const void *in, ptrdiff_t row, int32_t channels, int32_t tiles, void *points, ptrdiff_t stride);
    /* What the first `height` x `width` pixels have of the tiles. Returns false if float16 could not hold a sum, there or on the way, which
     * always leaves an output infinite or NaN before the bounds. */
    bool (*output)(const eq_tile_outputs *outputs, const void *points, ptrdiff_t stride, int32_t tiles, void *out,
                   int32_t height, int32_t width);
} eq_tile_transforms;

/* out = clamp(a + b or a * b, each rounded to float16, min, max), over n adjacent values. */
typedef void (*eq_binary_f16_fn)(const uint16_t *a, const uint16_t *b, float min, float max, uint16_t *out, size_t n);

/* ---- dynamic range: floats that become int8 during the run, products of these with float results ---- */

/* How a group of values became int8: value = (q - zero_point) * scale. */
typedef struct eq_dynamic_scale {
    float scale;
    int32_t zero_point;
} eq_dynamic_scale;

/* q = zero + round(clamp(x * factor, min, max)); the product is rounded before; NaN becomes max. `min` and `max` are integers,
 * zero + max <= 127, and zero + min is -128, or nothing is rounded to less than `min`. The factor is 255 or less over the range of the values
 * and 0, so that no x * factor is past 2^15; or it is infinite, where that range is tiny. */
typedef struct eq_quantize_f32 {
    float factor, min, max;
    bool away; /* `round` takes ties away from zero; else to even */
    int32_t zero;
} eq_quantize_f32;

typedef struct eq_gemm_dynamic_weights {
    int32_t columns, segments, segment_bytes;
    const int8_t *weights; /* (columns, segments, segment_bytes) */
    const float *scale;    /* (columns) */
    const float *bias;     /* (columns), or NULL */
} eq_gemm_dynamic_weights;

/* sum = sum over s, k of weights[n][s][k] * (in[segment_offsets[s] + k] - zero_point)                      (int32, wraps)
 * out = float(sum) * scale * scale[n] + bias[n], the last two rounded once; what is <= min becomes min, then >= max max; NaN stays. */
typedef struct eq_gemm_dynamic {
    const void *packed;
    int32_t columns, segments, segment_bytes;
    const ptrdiff_t *segment_offsets;
    float min, max; /* infinite: no bound */
} eq_gemm_dynamic;

typedef struct eq_gemm_dynamic_kernel {
    int32_t rows, columns;                                              /* as of eq_gemm_kernel */
    size_t (*packed_bytes)(const eq_gemm_dynamic_weights *weights);     /* of any weights of this shape */
    void (*pack)(const eq_gemm_dynamic_weights *weights, void *packed); /* packed is zeroed and aligned to 64 */
    /* Row r was quantized by scales[r]. Up to EQ_SLACK bytes past a segment's end may be read. */
    void (*run)(const eq_gemm_dynamic *gemm, const int8_t *const *in, const eq_dynamic_scale *scales, float *const *out,
                int32_t rows, int32_t first_column, int32_t last_column);
} eq_gemm_dynamic_kernel;

/* Depthwise convolution, multiplier 1:
 *
 * sum = sum over y, x of weights[y][x][c] * (in[y * tap_row + x * tap_column + c] - zero_point)              (int32, wraps)
 * out = clamp(float(sum) * scale[c] * in_scale + bias[c]), each operation rounded; the clamp as above */
typedef struct eq_depthwise_dynamic {
    const int8_t *weights;     /* (height, width, channels) */
    const float *scale, *bias; /* (channels) */
    int32_t channels, height, width;
    ptrdiff_t tap_row, tap_column, in_row, in_column; /* bytes, as of eq_depthwise; outputs are dense */
    int32_t out_width;
    float min, max;
} eq_depthwise_dynamic;

/* ---- elementwise, over n adjacent values ---- */

/* out = the operator's function of each float32 value (arithmetic/functions_f32.h), for those that unary_f32_template.h lists. */
typedef struct eq_unary_f32 {
    int32_t code;     /* EQ_OP_... */
    float alpha;      /* LEAKY_RELU's slope */
    bool approximate; /* GELU by tanh */
} eq_unary_f32;

/* `n` values of out from `n` of a and `n` of b, or from one of b; `bounds` are an eq_bounds. */
typedef void (*eq_binary_f32_fn)(const void *bounds, const void *a, const void *b, void *out, size_t n);

typedef struct eq_bounds { /* of a fused activation */
    float min, max;
} eq_bounds;

static inline float eq_bounded(const eq_bounds *bounds, float x) {
    x = x < bounds->min ? bounds->min : x;
    return x > bounds->max ? bounds->max : x;
}

/* A row of a table of operators of two float32 inputs that a set has vector code for. */
typedef struct eq_binary_f32 {
    int32_t code; /* EQ_OP_... */
    struct {
        eq_binary_f32_fn run, run_scalar; /* run_scalar: b is one value */
    } order[2];                           /* a is the operator's first input, or its second */
} eq_binary_f32;

/* Windows of `rows` x `columns` pixels of a float32 image, `step` floats apart; `row` is from one row of a window to the next. */
typedef struct eq_windows_f32 {
    int32_t rows, columns, channels, pixels;
    ptrdiff_t row, step;
} eq_windows_f32;

/* XNNPACK's qs8-vadd: acc = bias + a * a_multiplier + b * b_multiplier;
 * out = clamp((acc >> shift, rounded as in docs/arithmetic.md) + zero_point). */
typedef struct eq_add {
    int32_t bias, a_multiplier, b_multiplier, shift;
    int32_t zero_point, min, max;
} eq_add;

/* out = requantize((a - a_zero_point) * (b - b_zero_point), scale), as in a matrix product. */
typedef struct eq_multiply {
    int32_t a_zero_point, b_zero_point;
    float scale;
    int32_t zero_point, min, max;
} eq_multiply;

/* out = clamp(eq_fixed_multiply(acc, factor) + zero_point, min, max): LiteRT's own requantization; the sum wraps. */
typedef struct eq_rescale {
    eq_fixed factor;
    int32_t zero_point, min, max; /* -128 <= min <= max <= 127 */
} eq_rescale;

enum { EQ_DOT_DEPTH = 16, EQ_DOT_COLUMNS = 4 };

typedef struct eq_kernels {
    const char *name;
    eq_gemm_kernel gemm;
    eq_winograd_kernel winograd; /* where it is faster than `gemm` */
    eq_depthwise_kernel depthwise;
    eq_gemm_f32_kernel gemm_f32;
    eq_depthwise_f32_kernel depthwise_f32;
    eq_gemm_f32_kernel gemm_f16;           /* these two with float16 in memory and in sums; run is NULL where the CPU */
    eq_depthwise_f32_kernel depthwise_f16; /* has no such instructions */
    eq_gemm_dynamic_kernel gemm_dynamic;
    /* `rows` whole output rows; `in` points at the window of the first output. Up to EQ_SLACK bytes past each window's end may be read. */
    void (*depthwise_dynamic)(const eq_depthwise_dynamic *depthwise, const int8_t *in, eq_dynamic_scale scale, float *out,
                              int32_t rows);
    eq_tile_transforms winograd_f32, winograd_f16; /* the latter NULL where gemm_f16 is */
    /* float16 to float32, exactly, and back, rounded to nearest, ties to even. */
    void (*widen_f16)(const uint16_t *in, float *out, size_t n);
    void (*narrow_f16)(const float *in, uint16_t *out, size_t n);
    eq_binary_f16_fn add_f16, multiply_f16; /* NULL where gemm_f16 is */
    /* least = the smallest of 0 and in[i] for i < n, most the largest; NaN is passed over. */
    void (*range_f32)(const float *in, size_t n, float *least, float *most);
    void (*quantize_f32)(const eq_quantize_f32 *parameters, const float *in, int8_t *out, size_t n);
    /* Returns whether there is such an operator, and does nothing else if n is 0; `out` may be `in`. */
    bool (*unary_f32)(const eq_unary_f32 *options, const float *in, float *out, size_t n);
    const eq_binary_f32 *binary_f32; /* the last row's functions are NULL */
    /* out[x][c] = the largest that window x has of channel c, the first of 0 and -0 in the order of columns. A NaN is as -infinity. */
    void (*largest_f32)(const eq_windows_f32 *windows, const float *in, float *out);
    /* out[c] = bounded((XNNPACK's order of a sum of nine + before[c]) * scale): ops/reduce/average_f32.c. */
    void (*average_f32)(const float *const taps[9], const float *before, float scale, const eq_bounds *bounds, int32_t channels,
                        float *out);
    /* out[c] = the mix of four pixels, as of int8 below, with fractions of 1; each operation is rounded. */
    void (*bilinear_f32)(const float *const corners[4], float right, float bottom, int32_t channels, float *out);
    /* `columns` neighbouring outputs of a row; `in` points at the window of the first. */
    void (*depthwise_wide)(const eq_depthwise_wide *depthwise, const int8_t *in, int8_t *out, int32_t columns);
    void (*add)(const eq_add *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n);
    void (*add_scalar)(const eq_add *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n);
    void (*multiply)(const eq_multiply *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n);
    void (*multiply_scalar)(const eq_multiply *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n);
    /* The first index of the largest of n values, or of the smallest; 16 <= n. NULL: the set has none. */
    int32_t (*first_best)(const int8_t *in, int32_t n, bool smallest);
    void (*maximum)(const int8_t *a, const int8_t *b, int8_t *out, size_t n);
    void (*minimum)(const int8_t *a, const int8_t *b, int8_t *out, size_t n);
    /* out = table[in + 128]: every operator from one int8 tensor to another of its size. */
    void (*lookup)(const int8_t table[256], const int8_t *in, int8_t *out, size_t n);
    /* sums[c] += in[r * stride + c] for r < rows, c < channels. */
    void (*sum_rows)(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int32_t *sums);
    /* out[c] = the largest of in[r * stride + c], r < rows, and out[c] itself: MAX_POOL_2D, REDUCE_MAX. */
    void (*max_rows)(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int8_t *out);
    /* out = saturate(round_half_even(float(sum) * scale + offset)): MEAN, SUM. Two roundings, never a fused multiply-add;
     * the argument of round_half_even may be of any size. */
    void (*scale_sums)(const int32_t *sums, float scale, float offset, int8_t *out, size_t n);
    void (*rescale)(const eq_rescale *parameters, const int32_t *acc, int8_t *out, size_t n);
    /* sums[i] = saturate(sums[i] + eq_fixed_multiply(acc[i] + bias[i], factor)), the inner sum wraps; n is a multiple of 4. */
    void (*add_fixed)(eq_fixed factor, const int32_t *acc, const int32_t *bias, int16_t *sums, size_t n);
    /* arithmetic/fixed_gates.h. */
    void (*fixed_tanh)(const int16_t *x, int32_t integer_bits, int16_t *out, size_t n);
    void (*fixed_logistic)(const int16_t *x, int16_t *out, size_t n);
    /* sums[n] = sum over k of a[k] * b[n * depth + k], n < columns (int32, wraps): BATCH_MATMUL, of any values. `depth` is a
     * multiple of EQ_DOT_DEPTH, `columns` of EQ_DOT_COLUMNS. */
    void (*dot)(const int8_t *a, const int8_t *b, int32_t depth, int32_t columns, int32_t *sums);
    /* out = clamp(sum / count rounded half away from zero, minus shift): AVERAGE_POOL_2D. |sum| <= 255 * count < 2^31; shift
     * is 0, or 128 where the file has uint8. */
    void (*average)(const int32_t *sums, int32_t count, int32_t shift, int32_t min, int32_t max, int8_t *out, size_t n);
    /* out[c] = the mix of four pixels, corners[top left, top right, bottom left, bottom right][c]; the right and the bottom
     * ones weigh `right` and `bottom` of 2048: RESIZE_BILINEAR. */
    void (*bilinear)(const int8_t *const corners[4], int32_t right, int32_t bottom, int32_t channels, int8_t *out);
    /* out[c * out_stride + r] = in[r * in_stride + c] for r < rows, c < columns. */
    void (*transpose)(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows, int32_t columns);
    /* The same of values of four bytes, strides in bytes too; NULL: the set has none. */
    void (*transpose_4)(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                        int32_t columns);
} eq_kernels;

typedef struct eq_cpu eq_cpu; /* cpu.h */

/* The sets that `cpu` runs are 0 .. count - 1, slowest first; NULL past the end. (kernels/select.c) */
const eq_kernels *eq_kernels_at(const eq_cpu *cpu, int32_t index);

#endif
