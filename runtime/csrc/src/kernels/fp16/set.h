/* Arithmetic on float16 of ARMv8.2, in the set `dotprod`: a Raspberry Pi 5 has both, as every core of Arm's with SDOT. */
#ifndef EQ_FP16_SET_H
#define EQ_FP16_SET_H

#include "kernels/kernels.h"

size_t eq_fp16_gemm_f16_packed_bytes(const eq_gemm_f32_weights *weights);
void eq_fp16_gemm_f16_pack(const eq_gemm_f32_weights *weights, void *packed);
void eq_fp16_gemm_f16_run(const eq_gemm_f32 *gemm, const void *const *in, void *const *out, int32_t rows, int32_t first_column,
                          int32_t last_column);

size_t eq_fp16_depthwise_f16_packed_bytes(const eq_depthwise_f32_weights *weights);
void eq_fp16_depthwise_f16_pack(const eq_depthwise_f32_weights *weights, void *packed);
void eq_fp16_depthwise_f16_run(const eq_depthwise_f32 *depthwise, const void *in, void *out, int32_t rows);

void eq_fp16_add_f16(const uint16_t *a, const uint16_t *b, float min, float max, uint16_t *out, size_t n);
void eq_fp16_multiply_f16(const uint16_t *a, const uint16_t *b, float min, float max, uint16_t *out, size_t n);

void eq_fp16_winograd_f16_input(const void *in, ptrdiff_t row, int32_t channels, int32_t tiles, void *points, ptrdiff_t stride);
bool eq_fp16_winograd_f16_output(const eq_tile_outputs *outputs, const void *points, ptrdiff_t stride, int32_t tiles, void *out,
                                 int32_t height, int32_t width);

#define EQ_FP16_KERNELS                                                                                    \
    .gemm_f16 = {.rows = 24,                                                                               \
                 .columns = 16,                                                                            \
                 .packed_bytes = eq_fp16_gemm_f16_packed_bytes,                                            \
                 .pack = eq_fp16_gemm_f16_pack,                                                            \
                 .run = eq_fp16_gemm_f16_run},                                                             \
    .depthwise_f16 = {.packed_bytes = eq_fp16_depthwise_f16_packed_bytes,                                  \
                      .pack = eq_fp16_depthwise_f16_pack,                                                  \
                      .run = eq_fp16_depthwise_f16_run},                                                   \
    .winograd_f16 = {eq_fp16_winograd_f16_input, eq_fp16_winograd_f16_output}, .add_f16 = eq_fp16_add_f16, \
    .multiply_f16 = eq_fp16_multiply_f16

#endif
