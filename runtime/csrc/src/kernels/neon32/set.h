/* The part of the NEON set that only ARMv7 has (Raspberry Pi 2 to 5 with a 32-bit system). */
#ifndef EQ_NEON32_SET_H
#define EQ_NEON32_SET_H

#include "kernels/armv6/set.h"

size_t eq_neon32_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_neon32_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_neon32_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                        int32_t last_column);

size_t eq_neon32_depthwise_packed_bytes(const eq_depthwise_weights *weights);
void eq_neon32_depthwise_pack(const eq_depthwise_weights *weights, void *packed);
void eq_neon32_depthwise_run(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);

enum { EQ_NEON32_ROWS = 24 };

size_t eq_neon32_gemm_f32_packed_bytes(const eq_gemm_f32_weights *weights);
void eq_neon32_gemm_f32_pack(const eq_gemm_f32_weights *weights, void *packed);
void eq_neon32_gemm_f32_run(const eq_gemm_f32 *gemm, const void *const *in, void *const *out, int32_t rows,
                            int32_t first_column, int32_t last_column);

size_t eq_neon32_depthwise_f32_packed_bytes(const eq_depthwise_f32_weights *weights);
void eq_neon32_depthwise_f32_pack(const eq_depthwise_f32_weights *weights, void *packed);
void eq_neon32_depthwise_f32_run(const eq_depthwise_f32 *depthwise, const void *in, void *out, int32_t rows);

#define EQ_NEON32_SET                                                                              \
    EQ_ARMV6_SET,                                                                                  \
        .gemm = {.rows = EQ_NEON32_ROWS,                                                           \
                 .columns = 8,                                                                     \
                 .no_minimum_weight = true,                                                        \
                 .packed_bytes = eq_neon32_gemm_packed_bytes,                                      \
                 .pack = eq_neon32_gemm_pack,                                                      \
                 .run = eq_neon32_gemm_run},                                                       \
        .depthwise = {.rows = 1,                                                                   \
                      .packed_bytes = eq_neon32_depthwise_packed_bytes,                            \
                      .pack = eq_neon32_depthwise_pack,                                            \
                      .run = eq_neon32_depthwise_run},                                             \
        EQ_FLOAT32_KERNELS(.gemm_f32 = {.rows = 24,                                                \
                                        .columns = 8,                                              \
                                        .packed_bytes = eq_neon32_gemm_f32_packed_bytes,           \
                                        .pack = eq_neon32_gemm_f32_pack,                           \
                                        .run = eq_neon32_gemm_f32_run},                            \
                           .depthwise_f32 = {.packed_bytes = eq_neon32_depthwise_f32_packed_bytes, \
                                             .pack = eq_neon32_depthwise_f32_pack,                 \
                                             .run = eq_neon32_depthwise_f32_run},                  \
                           .gemm_dynamic = {.rows = 8,                                             \
                                            .columns = EQ_DOT_COLUMNS,                             \
                                            .packed_bytes = eq_neon_gemm_dynamic_packed_bytes,     \
                                            .pack = eq_neon_gemm_dynamic_pack,                     \
                                            .run = eq_neon_gemm_dynamic_run})

#endif
