#ifndef EQ_ARMV6_SET_H
#define EQ_ARMV6_SET_H

#include "../scalar/set.h"

size_t eq_armv6_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_armv6_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_armv6_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows,
                       int32_t first_column, int32_t last_column);

#define EQ_ARMV6_SET                                                                                                   \
    EQ_SCALAR_SET,                                                                                                     \
    .gemm = {.rows = 8,                                                                                                \
             .columns = 4,                                                                                             \
             .no_minimum_weight = true,                                                                                \
             .packed_bytes = eq_armv6_gemm_packed_bytes,                                                               \
             .pack = eq_armv6_gemm_pack,                                                                               \
             .run = eq_armv6_gemm_run}

#endif
