/* The scalar kernels: they run anywhere, and say what every other set must compute. */
#ifndef EQ_SCALAR_SET_H
#define EQ_SCALAR_SET_H

#include "arithmetic/fixed_gates.h"
#include "kernels/kernels.h"

size_t eq_scalar_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_scalar_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_scalar_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                        int32_t last_column);

size_t eq_scalar_depthwise_packed_bytes(const eq_depthwise_weights *weights);
void eq_scalar_depthwise_pack(const eq_depthwise_weights *weights, void *packed);
void eq_scalar_depthwise_run(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);

void eq_scalar_depthwise_wide(const eq_depthwise_wide *depthwise, const int8_t *in, int8_t *out, int32_t columns);
void eq_scalar_add(const eq_add *p, const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_scalar_add_scalar(const eq_add *p, const int8_t *a, int8_t b, int8_t *out, size_t n);
void eq_scalar_multiply(const eq_multiply *p, const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_scalar_multiply_scalar(const eq_multiply *p, const int8_t *a, int8_t b, int8_t *out, size_t n);
void eq_scalar_maximum(const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_scalar_minimum(const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_scalar_lookup(const int8_t table[256], const int8_t *in, int8_t *out, size_t n);

void eq_scalar_sum_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int32_t *sums);
void eq_scalar_max_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int8_t *out);
void eq_scalar_scale_sums(const int32_t *sums, float scale, float offset, int8_t *out, size_t n);
void eq_scalar_rescale(const eq_rescale *p, const int32_t *acc, int8_t *out, size_t n);
void eq_scalar_add_fixed(eq_fixed factor, const int32_t *acc, const int32_t *bias, int16_t *sums, size_t n);
void eq_scalar_dot(const int8_t *a, const int8_t *b, int32_t depth, int32_t columns, int32_t *sums);
void eq_scalar_average(const int32_t *sums, int32_t count, int32_t shift, int32_t min, int32_t max, int8_t *out, size_t n);
void eq_scalar_transpose(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                         int32_t columns);
void eq_scalar_bilinear(const int8_t *const corners[4], int32_t right, int32_t bottom, int32_t channels, int8_t *out);

size_t eq_scalar_gemm_f32_packed_bytes(const eq_gemm_f32_weights *weights);
void eq_scalar_gemm_f32_pack(const eq_gemm_f32_weights *weights, void *packed);
void eq_scalar_gemm_f32_run(const eq_gemm_f32 *gemm, const void *const *in, void *const *out, int32_t rows,
                            int32_t first_column, int32_t last_column);

size_t eq_scalar_depthwise_f32_packed_bytes(const eq_depthwise_f32_weights *weights);
void eq_scalar_depthwise_f32_pack(const eq_depthwise_f32_weights *weights, void *packed);
void eq_scalar_depthwise_f32_run(const eq_depthwise_f32 *depthwise, const void *in, void *out, int32_t rows);

size_t eq_scalar_gemm_f16_packed_bytes(const eq_gemm_f32_weights *weights);
void eq_scalar_gemm_f16_pack(const eq_gemm_f32_weights *weights, void *packed);
void eq_scalar_gemm_f16_run(const eq_gemm_f32 *gemm, const void *const *in, void *const *out, int32_t rows,
                            int32_t first_column, int32_t last_column);

size_t eq_scalar_depthwise_f16_packed_bytes(const eq_depthwise_f32_weights *weights);
void eq_scalar_depthwise_f16_pack(const eq_depthwise_f32_weights *weights, void *packed);
void eq_scalar_add_f16(const uint16_t *a, const uint16_t *b, float min, float max, uint16_t *out, size_t n);
void eq_scalar_multiply_f16(const uint16_t *a, const uint16_t *b, float min, float max, uint16_t *out, size_t n);
void eq_scalar_depthwise_f16_run(const eq_depthwise_f32 *depthwise, const void *in, void *out, int32_t rows);
void eq_scalar_winograd_f16_input(const void *in, ptrdiff_t row, int32_t channels, int32_t tiles, void *points,
                                  ptrdiff_t stride);
bool eq_scalar_winograd_f16_output(const eq_tile_outputs *outputs, const void *points, ptrdiff_t stride, int32_t tiles,
                                   void *out, int32_t height, int32_t width);
void eq_scalar_widen_f16(const uint16_t *in, float *out, size_t n);
void eq_scalar_narrow_f16(const float *in, uint16_t *out, size_t n);

size_t eq_scalar_gemm_dynamic_packed_bytes(const eq_gemm_dynamic_weights *weights);
void eq_scalar_gemm_dynamic_pack(const eq_gemm_dynamic_weights *weights, void *packed);
void eq_scalar_gemm_dynamic_run(const eq_gemm_dynamic *gemm, const int8_t *const *in, const eq_dynamic_scale *scales,
                                float *const *out, int32_t rows, int32_t first_column, int32_t last_column);
void eq_scalar_depthwise_dynamic(const eq_depthwise_dynamic *depthwise, const int8_t *in, eq_dynamic_scale scale, float *out,
                                 int32_t rows);
void eq_scalar_range_f32(const float *in, size_t n, float *least, float *most);
void eq_scalar_quantize_f32(const eq_quantize_f32 *parameters, const float *restrict in, int8_t *restrict out, size_t n);

bool eq_scalar_unary_f32(const eq_unary_f32 *options, const float *in, float *out, size_t n);
extern const eq_binary_f32 eq_scalar_binary_f32[];

void eq_scalar_winograd_f32_input(const void *in, ptrdiff_t row, int32_t channels, int32_t tiles, void *points,
                                  ptrdiff_t stride);
bool eq_scalar_winograd_f32_output(const eq_tile_outputs *outputs, const void *products, ptrdiff_t stride, int32_t tiles,
                                   void *out, int32_t height, int32_t width);

void eq_scalar_largest_f32(const eq_windows_f32 *windows, const float *in, float *out);
void eq_scalar_average_f32(const float *const taps[9], const float *before, float scale, const eq_bounds *bounds,
                           int32_t channels, float *out);
void eq_scalar_bilinear_f32(const float *const corners[4], float right, float bottom, int32_t channels, float *out);

#define EQ_SCALAR_SET                                                                                                         \
    .gemm = {.rows = 8,                                                                                                       \
             .shifts = true,                                                                                                  \
             .columns = 8,                                                                                                    \
             .packed_bytes = eq_scalar_gemm_packed_bytes,                                                                     \
             .pack = eq_scalar_gemm_pack,                                                                                     \
             .run = eq_scalar_gemm_run},                                                                                      \
    .depthwise = {.rows = 1,                                                                                                  \
                  .packed_bytes = eq_scalar_depthwise_packed_bytes,                                                           \
                  .pack = eq_scalar_depthwise_pack,                                                                           \
                  .run = eq_scalar_depthwise_run},                                                                            \
    .depthwise_wide = eq_scalar_depthwise_wide, .add = eq_scalar_add, .add_scalar = eq_scalar_add_scalar,                     \
    .multiply = eq_scalar_multiply, .multiply_scalar = eq_scalar_multiply_scalar, .maximum = eq_scalar_maximum,               \
    .minimum = eq_scalar_minimum, .lookup = eq_scalar_lookup, .sum_rows = eq_scalar_sum_rows, .max_rows = eq_scalar_max_rows, \
    .scale_sums = eq_scalar_scale_sums, .rescale = eq_scalar_rescale, .dot = eq_scalar_dot, .average = eq_scalar_average,     \
    .bilinear = eq_scalar_bilinear, .transpose = eq_scalar_transpose,                                                         \
    EQ_GATE_KERNELS(.add_fixed = eq_scalar_add_fixed, .fixed_tanh = eq_fixed_tanh, .fixed_logistic = eq_fixed_logistic),      \
    EQ_FLOAT32_KERNELS(.gemm_f32 = {.rows = 24,                                                                               \
                                    .columns = 4,                                                                             \
                                    .packed_bytes = eq_scalar_gemm_f32_packed_bytes,                                          \
                                    .pack = eq_scalar_gemm_f32_pack,                                                          \
                                    .run = eq_scalar_gemm_f32_run},                                                           \
                       .largest_f32 = eq_scalar_largest_f32, .average_f32 = eq_scalar_average_f32,                            \
                       .bilinear_f32 = eq_scalar_bilinear_f32,                                                                \
                       .winograd_f32 = {eq_scalar_winograd_f32_input, eq_scalar_winograd_f32_output},                         \
                       .depthwise_f32 = {.packed_bytes = eq_scalar_depthwise_f32_packed_bytes,                                \
                                         .pack = eq_scalar_depthwise_f32_pack,                                                \
                                         .run = eq_scalar_depthwise_f32_run},                                                 \
                       .gemm_dynamic = {.rows = 8,                                                                            \
                                        .columns = EQ_DOT_COLUMNS,                                                            \
                                        .packed_bytes = eq_scalar_gemm_dynamic_packed_bytes,                                  \
                                        .pack = eq_scalar_gemm_dynamic_pack,                                                  \
                                        .run = eq_scalar_gemm_dynamic_run},                                                   \
                       .depthwise_dynamic = eq_scalar_depthwise_dynamic, .range_f32 = eq_scalar_range_f32,                    \
                       .quantize_f32 = eq_scalar_quantize_f32, .widen_f16 = eq_scalar_widen_f16,                              \
                       .narrow_f16 = eq_scalar_narrow_f16),                                                                   \
    EQ_PLAIN_KERNELS(.unary_f32 = eq_scalar_unary_f32, .binary_f32 = eq_scalar_binary_f32)

/* What the scalar set has and sets that begin with it do not: a CPU without arithmetic on float16 is not to imitate it unasked. */
#define EQ_SCALAR_WHOLE_SET                                                                                          \
    EQ_SCALAR_SET, EQ_FLOAT32_KERNELS(.gemm_f16 = {.rows = 24,                                                       \
                                                   .columns = 1,                                                     \
                                                   .packed_bytes = eq_scalar_gemm_f16_packed_bytes,                  \
                                                   .pack = eq_scalar_gemm_f16_pack,                                  \
                                                   .run = eq_scalar_gemm_f16_run},                                   \
                                      .depthwise_f16 = {.packed_bytes = eq_scalar_depthwise_f16_packed_bytes,        \
                                                        .pack = eq_scalar_depthwise_f16_pack,                        \
                                                        .run = eq_scalar_depthwise_f16_run},                         \
                                      .winograd_f16 = {eq_scalar_winograd_f16_input, eq_scalar_winograd_f16_output}, \
                                      .add_f16 = eq_scalar_add_f16, .multiply_f16 = eq_scalar_multiply_f16)

#endif
