/* The scalar kernels: they run anywhere, and say what every other set must compute. */
#ifndef EQ_SCALAR_SET_H
#define EQ_SCALAR_SET_H

#include "../../kernels.h"

size_t eq_scalar_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_scalar_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_scalar_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows,
                        int32_t first_column, int32_t last_column);

size_t eq_scalar_depthwise_packed_bytes(const eq_depthwise_weights *weights);
void eq_scalar_depthwise_pack(const eq_depthwise_weights *weights, void *packed);
void eq_scalar_depthwise_run(const eq_depthwise *depthwise, const int8_t *in, int8_t *out, int32_t rows);

#define EQ_SCALAR_SET                                                                                                  \
    .gemm = {.rows = 8,                                                                                                \
             .columns = 8,                                                                                             \
             .packed_bytes = eq_scalar_gemm_packed_bytes,                                                              \
             .pack = eq_scalar_gemm_pack,                                                                              \
             .run = eq_scalar_gemm_run},                                                                               \
    .depthwise = {.rows = 1,                                                                                           \
                  .packed_bytes = eq_scalar_depthwise_packed_bytes,                                                    \
                  .pack = eq_scalar_depthwise_pack,                                                                    \
                  .run = eq_scalar_depthwise_run}

#endif
