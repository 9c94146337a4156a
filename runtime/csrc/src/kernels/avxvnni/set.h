#ifndef EQ_AVXVNNI_SET_H
#define EQ_AVXVNNI_SET_H

#include "kernels/avx2/set.h"

size_t eq_avxvnni_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_avxvnni_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_avxvnni_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                         int32_t last_column);

size_t eq_avxvnni_depthwise_packed_bytes(const eq_depthwise_weights *weights);
void eq_avxvnni_depthwise_pack(const eq_depthwise_weights *weights, void *packed);
void eq_avxvnni_depthwise_run(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);

#define EQ_AVXVNNI_SET                                                   \
    EQ_AVX2_SET,                                                         \
        .gemm = {.rows = 72,                                             \
                 .columns = 16,                                          \
                 .packed_bytes = eq_avxvnni_gemm_packed_bytes,           \
                 .pack = eq_avxvnni_gemm_pack,                           \
                 .run = eq_avxvnni_gemm_run},                            \
        .depthwise = {.rows = 2,                                         \
                      .packed_bytes = eq_avxvnni_depthwise_packed_bytes, \
                      .pack = eq_avxvnni_depthwise_pack,                 \
                      .run = eq_avxvnni_depthwise_run}

#endif
