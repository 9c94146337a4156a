/* SMMLA of ARMv8.6. */
#ifndef EQ_I8MM_SET_H
#define EQ_I8MM_SET_H

#include "kernels/dotprod/set.h"

size_t eq_i8mm_gemm_packed_bytes(const eq_gemm_weights *weights);
void eq_i8mm_gemm_pack(const eq_gemm_weights *weights, void *packed);
void eq_i8mm_gemm_run(const eq_gemm *gemm, const int8_t *const *in, int8_t *const *out, int32_t rows, int32_t first_column,
                      int32_t last_column);

#define EQ_I8MM_SET                                                     \
    EQ_DOTPROD_SET, .gemm = {.rows = 256,                               \
                             .columns = 8,                              \
                             .packed_bytes = eq_i8mm_gemm_packed_bytes, \
                             .pack = eq_i8mm_gemm_pack,                 \
                             .run = eq_i8mm_gemm_run}

#endif
