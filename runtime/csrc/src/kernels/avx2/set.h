#ifndef EQ_AVX2_SET_H
#define EQ_AVX2_SET_H

#include "kernels/scalar/set.h"

size_t eq_avx2_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_avx2_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_avx2_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                      int32_t last_column);

size_t eq_avx2_depthwise_packed_bytes(const eq_depthwise_weights *weights);
void eq_avx2_depthwise_pack(const eq_depthwise_weights *weights, void *packed);
void eq_avx2_depthwise_run(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);

void eq_avx2_depthwise_wide(const eq_depthwise_wide *depthwise, const int8_t *in, int8_t *out, int32_t columns);
void eq_avx2_add(const eq_add *p, const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_avx2_add_scalar(const eq_add *p, const int8_t *a, int8_t b, int8_t *out, size_t n);
void eq_avx2_multiply(const eq_multiply *p, const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_avx2_multiply_scalar(const eq_multiply *p, const int8_t *a, int8_t b, int8_t *out, size_t n);
int32_t eq_avx2_first_best(const int8_t *in, int32_t n, bool smallest);
void eq_avx2_maximum(const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_avx2_minimum(const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_avx2_lookup(const int8_t table[256], const int8_t *in, int8_t *out, size_t n);

void eq_avx2_sum_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int32_t *sums);
void eq_avx2_max_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int8_t *out);
void eq_avx2_scale_sums(const int32_t *sums, float scale, float offset, int8_t *out, size_t n);
void eq_avx2_rescale(const eq_rescale *p, const int32_t *acc, int8_t *out, size_t n);
void eq_avx2_dot(const int8_t *a, const int8_t *b, int32_t depth, int32_t columns, int32_t *sums);
void eq_avx2_average(const int32_t *sums, int32_t count, int32_t shift, int32_t min, int32_t max, int8_t *out, size_t n);
void eq_avx2_bilinear(const int8_t *const corners[4], int32_t right, int32_t bottom, int32_t channels, int8_t *out);
void eq_avx2_transpose(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows, int32_t columns);
void eq_avx2_transpose_4(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                         int32_t columns);

size_t eq_avx2_gemm_f32_packed_bytes(const eq_gemm_f32_weights *weights);
void eq_avx2_gemm_f32_pack(const eq_gemm_f32_weights *weights, void *packed);
void eq_avx2_gemm_f32_run(const eq_gemm_f32 *gemm, const void *const *in, void *const *out, int32_t rows, int32_t first_column,
                          int32_t last_column);

size_t eq_avx2_depthwise_f32_packed_bytes(const eq_depthwise_f32_weights *weights);
void eq_avx2_depthwise_f32_pack(const eq_depthwise_f32_weights *weights, void *packed);
void eq_avx2_depthwise_f32_run(const eq_depthwise_f32 *depthwise, const void *in, void *out, int32_t rows);

size_t eq_avx2_gemm_dynamic_packed_bytes(const eq_gemm_dynamic_weights *weights);
void eq_avx2_gemm_dynamic_pack(const eq_gemm_dynamic_weights *weights, void *packed);
void eq_avx2_gemm_dynamic_run(const eq_gemm_dynamic *gemm, const int8_t *const *in, const eq_dynamic_scale *scales,
                              float *const *out, int32_t rows, int32_t first_column, int32_t last_column);

void eq_avx2_range_f32(const float *in, size_t n, float *least, float *most);
void eq_avx2_quantize_f32(const eq_quantize_f32 *parameters, const float *restrict in, int8_t *restrict out, size_t n);

bool eq_avx2_unary_f32(const eq_unary_f32 *options, const float *in, float *out, size_t n);
extern const eq_binary_f32 eq_avx2_binary_f32[];

void eq_avx2_winograd_f32_input(const void *in, ptrdiff_t row, int32_t channels, int32_t tiles, void *points, ptrdiff_t stride);
bool eq_avx2_winograd_f32_output(const eq_tile_outputs *outputs, const void *products, ptrdiff_t stride, int32_t tiles,
                                 void *out, int32_t height, int32_t width);

void eq_avx2_largest_f32(const eq_windows_f32 *windows, const float *in, float *out);
void eq_avx2_average_f32(const float *const taps[9], const float *before, float scale, const eq_bounds *bounds,
                         int32_t channels, float *out);
void eq_avx2_bilinear_f32(const float *const corners[4], float right, float bottom, int32_t channels, float *out);

#define EQ_AVX2_SET                                                                                                     \
    EQ_SCALAR_SET,                                                                                                      \
        .gemm = {.rows = 72,                                                                                            \
                 .columns = 16,                                                                                         \
                 .packed_bytes = eq_avx2_gemm_packed_bytes,                                                             \
                 .pack = eq_avx2_gemm_pack,                                                                             \
                 .run = eq_avx2_gemm_run},                                                                              \
        .depthwise = {.rows = 2,                                                                                        \
                      .packed_bytes = eq_avx2_depthwise_packed_bytes,                                                   \
                      .pack = eq_avx2_depthwise_pack,                                                                   \
                      .run = eq_avx2_depthwise_run},                                                                    \
        .depthwise_wide = eq_avx2_depthwise_wide, .add = eq_avx2_add, .add_scalar = eq_avx2_add_scalar,                 \
        .multiply = eq_avx2_multiply, .multiply_scalar = eq_avx2_multiply_scalar, .first_best = eq_avx2_first_best,     \
        .maximum = eq_avx2_maximum, .minimum = eq_avx2_minimum, .lookup = eq_avx2_lookup, .sum_rows = eq_avx2_sum_rows, \
        .max_rows = eq_avx2_max_rows, .scale_sums = eq_avx2_scale_sums, .rescale = eq_avx2_rescale, .dot = eq_avx2_dot, \
        .average = eq_avx2_average, .bilinear = eq_avx2_bilinear, .transpose = eq_avx2_transpose,                       \
        .transpose_4 = eq_avx2_transpose_4,                                                                             \
        EQ_FLOAT32_KERNELS(.gemm_f32 = {.rows = 24,                                                                     \
                                        .columns = 16,                                                                  \
                                        .packed_bytes = eq_avx2_gemm_f32_packed_bytes,                                  \
                                        .pack = eq_avx2_gemm_f32_pack,                                                  \
                                        .run = eq_avx2_gemm_f32_run},                                                   \
                           .largest_f32 = eq_avx2_largest_f32, .average_f32 = eq_avx2_average_f32,                      \
                           .bilinear_f32 = eq_avx2_bilinear_f32,                                                        \
                           .winograd_f32 = {eq_avx2_winograd_f32_input, eq_avx2_winograd_f32_output},                   \
                           .depthwise_f32 = {.packed_bytes = eq_avx2_depthwise_f32_packed_bytes,                        \
                                             .pack = eq_avx2_depthwise_f32_pack,                                        \
                                             .run = eq_avx2_depthwise_f32_run},                                         \
                           .gemm_dynamic = {.rows = 8,                                                                  \
                                            .columns = EQ_DOT_COLUMNS,                                                  \
                                            .packed_bytes = eq_avx2_gemm_dynamic_packed_bytes,                          \
                                            .pack = eq_avx2_gemm_dynamic_pack,                                          \
                                            .run = eq_avx2_gemm_dynamic_run},                                           \
                           .range_f32 = eq_avx2_range_f32, .quantize_f32 = eq_avx2_quantize_f32),                       \
        EQ_PLAIN_KERNELS(.unary_f32 = eq_avx2_unary_f32, .binary_f32 = eq_avx2_binary_f32)

#endif
