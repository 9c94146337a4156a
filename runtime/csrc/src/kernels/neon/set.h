/* The NEON set. This folder holds what ARMv7 and AArch64 share: the elementwise kernels. The matrix product and the depthwise
 * convolution differ too much (16 registers of 128 bits against 32): ../neon32 has those of ARMv7, ../neon64 of AArch64. */
#ifndef EQ_NEON_SET_H
#define EQ_NEON_SET_H

#ifdef __arm__
#include "kernels/neon32/set.h"
#define EQ_NEON_BASE_SET EQ_NEON32_SET
#else
#include "kernels/neon64/set.h"
#define EQ_NEON_BASE_SET EQ_NEON64_SET
#endif

void eq_neon_add(const eq_add *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_neon_add_scalar(const eq_add *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n);
void eq_neon_multiply(const eq_multiply *parameters, const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_neon_multiply_scalar(const eq_multiply *parameters, const int8_t *a, int8_t b, int8_t *out, size_t n);
void eq_neon_maximum(const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_neon_minimum(const int8_t *a, const int8_t *b, int8_t *out, size_t n);
void eq_neon_sum_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int32_t *sums);
void eq_neon_max_rows(const int8_t *in, ptrdiff_t stride, int32_t rows, int32_t channels, int8_t *out);
void eq_neon_scale_sums(const int32_t *sums, float scale, float offset, int8_t *out, size_t n);
void eq_neon_rescale(const eq_rescale *parameters, const int32_t *acc, int8_t *out, size_t n);
void eq_neon_add_fixed(eq_fixed factor, const int32_t *acc, const int32_t *bias, int16_t *sums, size_t n);
void eq_neon_fixed_tanh(const int16_t *x, int32_t integer_bits, int16_t *out, size_t n);
void eq_neon_fixed_logistic(const int16_t *x, int16_t *out, size_t n);
void eq_neon_dot(const int8_t *a, const int8_t *b, int32_t depth, int32_t columns, int32_t *sums);
void eq_neon_bilinear(const int8_t *const corners[4], int32_t right, int32_t bottom, int32_t channels, int8_t *out);
void eq_neon_transpose(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows, int32_t columns);

void eq_neon_transpose_4(const int8_t *in, ptrdiff_t in_stride, int8_t *out, ptrdiff_t out_stride, int32_t rows,
                         int32_t columns);

size_t eq_neon_gemm_dynamic_packed_bytes(const eq_gemm_dynamic_weights *weights);
void eq_neon_gemm_dynamic_pack(const eq_gemm_dynamic_weights *weights, void *packed);
void eq_neon_gemm_dynamic_run(const eq_gemm_dynamic *gemm, const int8_t *const *in, const eq_dynamic_scale *scales,
                              float *const *out, int32_t rows, int32_t first_column, int32_t last_column);

#define EQ_NEON_SET                                                                                                   \
    EQ_NEON_BASE_SET, .add = eq_neon_add, .add_scalar = eq_neon_add_scalar, .multiply = eq_neon_multiply,             \
        .multiply_scalar = eq_neon_multiply_scalar, .maximum = eq_neon_maximum, .minimum = eq_neon_minimum,           \
        .sum_rows = eq_neon_sum_rows, .max_rows = eq_neon_max_rows, .scale_sums = eq_neon_scale_sums,                 \
        .rescale = eq_neon_rescale, .dot = eq_neon_dot, .bilinear = eq_neon_bilinear, .transpose = eq_neon_transpose, \
        .transpose_4 = eq_neon_transpose_4,                                                                           \
        EQ_GATE_KERNELS(.add_fixed = eq_neon_add_fixed, .fixed_tanh = eq_neon_fixed_tanh,                             \
                        .fixed_logistic = eq_neon_fixed_logistic)

#endif
