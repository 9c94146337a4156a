#ifndef EQ_ARMV6_SET_H
#define EQ_ARMV6_SET_H

#include "kernels/scalar/set.h"

size_t eq_armv6_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_armv6_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_armv6_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                       int32_t last_column);

size_t eq_armv6_depthwise_packed_bytes(const eq_depthwise_weights *weights);
void eq_armv6_depthwise_pack(const eq_depthwise_weights *weights, void *packed);
void eq_armv6_depthwise_run(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);

enum { EQ_ARMV6_ROWS = 16 }; /* there is no second-level cache for the weights to stay in */

size_t eq_armv6_gemm_f32_packed_bytes(const eq_gemm_f32_weights *weights);
void eq_armv6_gemm_f32_pack(const eq_gemm_f32_weights *weights, void *packed);
void eq_armv6_gemm_f32_run(const eq_gemm_f32 *gemm, const void *const *in, void *const *out, int32_t rows, int32_t first_column,
                           int32_t last_column);

size_t eq_armv6_depthwise_f32_packed_bytes(const eq_depthwise_f32_weights *weights);
void eq_armv6_depthwise_f32_pack(const eq_depthwise_f32_weights *weights, void *packed);
void eq_armv6_depthwise_f32_run(const eq_depthwise_f32 *depthwise, const void *in, void *out, int32_t rows);

#define EQ_ARMV6_SET                                                                              \
    EQ_SCALAR_SET,                                                                                \
        .gemm = {.rows = EQ_ARMV6_ROWS,                                                           \
                 .columns = 4,                                                                    \
                 .no_minimum_weight = true,                                                       \
                 .packed_bytes = eq_armv6_gemm_packed_bytes,                                      \
                 .pack = eq_armv6_gemm_pack,                                                      \
                 .run = eq_armv6_gemm_run},                                                       \
        .depthwise = {.rows = 2,                                                                  \
                      .packed_bytes = eq_armv6_depthwise_packed_bytes,                            \
                      .pack = eq_armv6_depthwise_pack,                                            \
                      .run = eq_armv6_depthwise_run},                                             \
        EQ_FLOAT32_KERNELS(.gemm_f32 = {.rows = 24,                                               \
                                        .columns = 4,                                             \
                                        .packed_bytes = eq_armv6_gemm_f32_packed_bytes,           \
                                        .pack = eq_armv6_gemm_f32_pack,                           \
                                        .run = eq_armv6_gemm_f32_run},                            \
                           .depthwise_f32 = {.packed_bytes = eq_armv6_depthwise_f32_packed_bytes, \
                                             .pack = eq_armv6_depthwise_f32_pack,                 \
                                             .run = eq_armv6_depthwise_f32_run})

#endif
