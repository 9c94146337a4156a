/* The part of the NEON set that only AArch64 has: any AArch64 CPU runs it (Raspberry Pi 3, 4). */
#ifndef EQ_NEON64_SET_H
#define EQ_NEON64_SET_H

#include "kernels/scalar/set.h"

size_t eq_neon64_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_neon64_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_neon64_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                        int32_t last_column);

size_t eq_neon64_winograd_packed_bytes(const eq_gemm_weights *weights);
void eq_neon64_winograd_pack(const eq_gemm_weights *weights, void *packed);
size_t eq_neon64_winograd_scratch_bytes(int32_t channels);
void eq_neon64_winograd_run(const eq_winograd *winograd, const eq_winograd_tile *tiles, int32_t count, int32_t first_column,
                            int32_t last_column, void *scratch);

size_t eq_neon64_depthwise_packed_bytes(const eq_depthwise_weights *weights);
void eq_neon64_depthwise_pack(const eq_depthwise_weights *weights, void *packed);
void eq_neon64_depthwise_run(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);

void eq_neon64_lookup(const int8_t table[256], const int8_t *in, int8_t *out, size_t n);
void eq_neon64_average(const int32_t *sums, int32_t count, int32_t shift, int32_t min, int32_t max, int8_t *out, size_t n);

size_t eq_neon64_gemm_f32_packed_bytes(const eq_gemm_f32_weights *weights);
void eq_neon64_gemm_f32_pack(const eq_gemm_f32_weights *weights, void *packed);
void eq_neon64_gemm_f32_run(const eq_gemm_f32 *gemm, const void *const *in, void *const *out, int32_t rows,
                            int32_t first_column, int32_t last_column);

size_t eq_neon64_depthwise_f32_packed_bytes(const eq_depthwise_f32_weights *weights);
void eq_neon64_depthwise_f32_pack(const eq_depthwise_f32_weights *weights, void *packed);
void eq_neon64_depthwise_f32_run(const eq_depthwise_f32 *depthwise, const void *in, void *out, int32_t rows);

size_t eq_neon64_gemm_dynamic_packed_bytes(const eq_gemm_dynamic_weights *weights);
void eq_neon64_gemm_dynamic_pack(const eq_gemm_dynamic_weights *weights, void *packed);
void eq_neon64_gemm_dynamic_run(const eq_gemm_dynamic *gemm, const int8_t *const *in, const eq_dynamic_scale *scales,
                                float *const *out, int32_t rows, int32_t first_column, int32_t last_column);
void eq_neon64_depthwise_dynamic(const eq_depthwise_dynamic *depthwise, const int8_t *in, eq_dynamic_scale scale, float *out,
                                 int32_t rows);
void eq_neon64_widen_f16(const uint16_t *in, float *out, size_t n);
void eq_neon64_narrow_f16(const float *in, uint16_t *out, size_t n);
void eq_neon64_range_f32(const float *in, size_t n, float *least, float *most);
void eq_neon64_quantize_f32(const eq_quantize_f32 *parameters, const float *in, int8_t *out, size_t n);

extern const eq_binary_f32 eq_neon64_binary_f32[];

#define EQ_NEON64_SET                                                                                          \
    EQ_SCALAR_SET,                                                                                             \
        .gemm = {.rows = 256,                                                                                  \
                 .columns = 8,                                                                                 \
                 .no_minimum_weight = true,                                                                    \
                 .packed_bytes = eq_neon64_gemm_packed_bytes,                                                  \
                 .pack = eq_neon64_gemm_pack,                                                                  \
                 .run = eq_neon64_gemm_run},                                                                   \
        .winograd = {.tiles = 8,                                                                               \
                     .packed_bytes = eq_neon64_winograd_packed_bytes,                                          \
                     .pack = eq_neon64_winograd_pack,                                                          \
                     .scratch_bytes = eq_neon64_winograd_scratch_bytes,                                        \
                     .run = eq_neon64_winograd_run},                                                           \
        .depthwise = {.rows = 1,                                                                               \
                      .packed_bytes = eq_neon64_depthwise_packed_bytes,                                        \
                      .pack = eq_neon64_depthwise_pack,                                                        \
                      .run = eq_neon64_depthwise_run},                                                         \
        .lookup = eq_neon64_lookup, .average = eq_neon64_average,                                              \
        EQ_FLOAT32_KERNELS(.gemm_f32 = {.rows = 24,                                                            \
                                        .columns = 8,                                                          \
                                        .packed_bytes = eq_neon64_gemm_f32_packed_bytes,                       \
                                        .pack = eq_neon64_gemm_f32_pack,                                       \
                                        .run = eq_neon64_gemm_f32_run},                                        \
                           .depthwise_f32 = {.packed_bytes = eq_neon64_depthwise_f32_packed_bytes,             \
                                             .pack = eq_neon64_depthwise_f32_pack,                             \
                                             .run = eq_neon64_depthwise_f32_run},                              \
                           .gemm_dynamic = {.rows = 192,                                                       \
                                            .columns = 8,                                                      \
                                            .packed_bytes = eq_neon64_gemm_dynamic_packed_bytes,               \
                                            .pack = eq_neon64_gemm_dynamic_pack,                               \
                                            .run = eq_neon64_gemm_dynamic_run},                                \
                           .depthwise_dynamic = eq_neon64_depthwise_dynamic, .range_f32 = eq_neon64_range_f32, \
                           .quantize_f32 = eq_neon64_quantize_f32, .widen_f16 = eq_neon64_widen_f16,           \
                           .narrow_f16 = eq_neon64_narrow_f16),                                                \
        EQ_PLAIN_KERNELS(.binary_f32 = eq_neon64_binary_f32)

#endif
