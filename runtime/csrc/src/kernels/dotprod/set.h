/* SDOT and arithmetic on float16 of ARMv8.2: Raspberry Pi 5. */
#ifndef EQ_DOTPROD_SET_H
#define EQ_DOTPROD_SET_H

#include "kernels/fp16/set.h"
#include "kernels/neon/set.h"

size_t eq_dotprod_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_dotprod_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_dotprod_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                         int32_t last_column);

void eq_dotprod_depthwise_run(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);

void eq_dotprod_dot(const int8_t *a, const int8_t *b, int32_t depth, int32_t columns, int32_t *sums);

size_t eq_dotprod_gemm_dynamic_packed_bytes(const eq_gemm_dynamic_weights *weights);
void eq_dotprod_gemm_dynamic_pack(const eq_gemm_dynamic_weights *weights, void *packed);
void eq_dotprod_gemm_dynamic_run(const eq_gemm_dynamic *gemm, const int8_t *const *in, const eq_dynamic_scale *scales,
                                 float *const *out, int32_t rows, int32_t first_column, int32_t last_column);

#define EQ_DOTPROD_SET                                                                              \
    EQ_NEON_SET,                                                                                    \
        .gemm = {.rows = 256,                                                                       \
                 .columns = 8,                                                                      \
                 .packed_bytes = eq_dotprod_gemm_packed_bytes,                                      \
                 .pack = eq_dotprod_gemm_pack,                                                      \
                 .run = eq_dotprod_gemm_run},                                                       \
        .winograd = {.tiles = 0}, /* SDOT does 16 products, which the transforms do not win back */ \
        .depthwise = {.rows = 2,                                                                    \
                      .packed_bytes = eq_neon64_depthwise_packed_bytes,                             \
                      .pack = eq_neon64_depthwise_pack,                                             \
                      .run = eq_dotprod_depthwise_run},                                             \
        .dot = eq_dotprod_dot,                                                                      \
        EQ_FLOAT32_KERNELS(.gemm_dynamic = {.rows = 192,                                            \
                                            .columns = 8,                                           \
                                            .packed_bytes = eq_dotprod_gemm_dynamic_packed_bytes,   \
                                            .pack = eq_dotprod_gemm_dynamic_pack,                   \
                                            .run = eq_dotprod_gemm_dynamic_run},                    \
                           EQ_FP16_KERNELS)

#endif
