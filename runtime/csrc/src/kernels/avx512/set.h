#ifndef EQ_AVX512_SET_H
#define EQ_AVX512_SET_H

#include "kernels/avx2/set.h"

size_t eq_avx512_gemm_f32_packed_bytes(const eq_gemm_f32_weights *weights);
void eq_avx512_gemm_f32_pack(const eq_gemm_f32_weights *weights, void *packed);
void eq_avx512_gemm_f32_run(const eq_gemm_f32 *gemm, const void *const *in, void *const *out, int32_t rows,
                            int32_t first_column, int32_t last_column);

size_t eq_avx512_depthwise_f32_packed_bytes(const eq_depthwise_f32_weights *weights);
void eq_avx512_depthwise_f32_pack(const eq_depthwise_f32_weights *weights, void *packed);
void eq_avx512_depthwise_f32_run(const eq_depthwise_f32 *depthwise, const void *in, void *out, int32_t rows);

void eq_avx512_range_f32(const float *in, size_t n, float *least, float *most);
void eq_avx512_quantize_f32(const eq_quantize_f32 *parameters, const float *restrict in, int8_t *restrict out, size_t n);
void eq_avx512_depthwise_dynamic(const eq_depthwise_dynamic *depthwise, const int8_t *in, eq_dynamic_scale scale, float *out,
                                 int32_t rows);

void eq_avx512_maximum(const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_avx512_minimum(const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_avx512_max_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int8_t *out);
void eq_avx512_bilinear(const int8_t *const corners[4], int32_t right, int32_t bottom, int32_t channels, int8_t *out);

bool eq_avx512_unary_f32(const eq_unary_f32 *options, const float *in, float *out, size_t n);
extern const eq_binary_f32 eq_avx512_binary_f32[];

void eq_avx512_winograd_f32_input(const void *in, ptrdiff_t row, int32_t channels, int32_t tiles, void *points,
                                  ptrdiff_t stride);
bool eq_avx512_winograd_f32_output(const eq_tile_outputs *outputs, const void *products, ptrdiff_t stride, int32_t tiles,
                                   void *out, int32_t height, int32_t width);

void eq_avx512_largest_f32(const eq_windows_f32 *windows, const float *in, float *out);
void eq_avx512_average_f32(const float *const taps[9], const float *before, float scale, const eq_bounds *bounds,
                           int32_t channels, float *out);
void eq_avx512_bilinear_f32(const float *const corners[4], float right, float bottom, int32_t channels, float *out);

#define EQ_AVX512_SET                                                                                          \
    EQ_AVX2_SET, .maximum = eq_avx512_maximum, .minimum = eq_avx512_minimum, .max_rows = eq_avx512_max_rows,   \
        .bilinear = eq_avx512_bilinear,                                                                        \
        EQ_FLOAT32_KERNELS(.gemm_f32 = {.rows = 24,                                                            \
                                        .columns = 32,                                                         \
                                        .packed_bytes = eq_avx512_gemm_f32_packed_bytes,                       \
                                        .pack = eq_avx512_gemm_f32_pack,                                       \
                                        .run = eq_avx512_gemm_f32_run},                                        \
                           .largest_f32 = eq_avx512_largest_f32, .average_f32 = eq_avx512_average_f32,         \
                           .bilinear_f32 = eq_avx512_bilinear_f32,                                             \
                           .winograd_f32 = {eq_avx512_winograd_f32_input, eq_avx512_winograd_f32_output},      \
                           .depthwise_f32 = {.packed_bytes = eq_avx512_depthwise_f32_packed_bytes,             \
                                             .pack = eq_avx512_depthwise_f32_pack,                             \
                                             .run = eq_avx512_depthwise_f32_run},                              \
                           .depthwise_dynamic = eq_avx512_depthwise_dynamic, .range_f32 = eq_avx512_range_f32, \
                           .quantize_f32 = eq_avx512_quantize_f32),                                            \
        EQ_PLAIN_KERNELS(.unary_f32 = eq_avx512_unary_f32, .binary_f32 = eq_avx512_binary_f32)

#endif
