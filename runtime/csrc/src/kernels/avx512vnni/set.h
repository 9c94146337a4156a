#ifndef EQ_AVX512VNNI_SET_H
#define EQ_AVX512VNNI_SET_H

#include "kernels/avx512/set.h"

size_t eq_avx512vnni_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_avx512vnni_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_avx512vnni_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows,
                            int32_t first_column, int32_t last_column);

size_t eq_avx512vnni_depthwise_packed_bytes(const eq_depthwise_weights *weights);
void eq_avx512vnni_depthwise_pack(const eq_depthwise_weights *weights, void *packed);
void eq_avx512vnni_depthwise_run(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);

void eq_avx512vnni_depthwise_wide(const eq_depthwise_wide *depthwise, const int8_t *in, int8_t *out, int32_t columns);

void eq_avx512vnni_add(const eq_add *p, const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_avx512vnni_add_scalar(const eq_add *p, const int8_t *a, int8_t b, int8_t *out, size_t n);
void eq_avx512vnni_multiply(const eq_multiply *p, const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_avx512vnni_multiply_scalar(const eq_multiply *p, const int8_t *a, int8_t b, int8_t *out, size_t n);

size_t eq_avx512vnni_gemm_dynamic_packed_bytes(const eq_gemm_dynamic_weights *weights);
void eq_avx512vnni_gemm_dynamic_pack(const eq_gemm_dynamic_weights *weights, void *packed);
void eq_avx512vnni_gemm_dynamic_run(const eq_gemm_dynamic *gemm, const int8_t *const *in, const eq_dynamic_scale *scales,
                                    float *const *out, int32_t rows, int32_t first_column, int32_t last_column);

#define EQ_AVX512VNNI_SET                                                                                                 \
    EQ_AVX512_SET,                                                                                                        \
        .gemm = {.rows = 72,                                                                                              \
                 .shifts = true,                                                                                          \
                 .columns = 32,                                                                                           \
                 .packed_bytes = eq_avx512vnni_gemm_packed_bytes,                                                         \
                 .pack = eq_avx512vnni_gemm_pack,                                                                         \
                 .run = eq_avx512vnni_gemm_run},                                                                          \
        .depthwise = {.rows = 2,                                                                                          \
                      .packed_bytes = eq_avx512vnni_depthwise_packed_bytes,                                               \
                      .pack = eq_avx512vnni_depthwise_pack,                                                               \
                      .run = eq_avx512vnni_depthwise_run},                                                                \
        .depthwise_wide = eq_avx512vnni_depthwise_wide, .add = eq_avx512vnni_add, .add_scalar = eq_avx512vnni_add_scalar, \
        .multiply = eq_avx512vnni_multiply, .multiply_scalar = eq_avx512vnni_multiply_scalar,                             \
        EQ_FLOAT32_KERNELS(.gemm_dynamic = {.rows = 24,                                                                   \
                                            .columns = 32,                                                                \
                                            .packed_bytes = eq_avx512vnni_gemm_dynamic_packed_bytes,                      \
                                            .pack = eq_avx512vnni_gemm_dynamic_pack,                                      \
                                            .run = eq_avx512vnni_gemm_dynamic_run})

#endif
