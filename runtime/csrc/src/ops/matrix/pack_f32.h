/* The matrices of a float product in the form of the kernel. */
#ifndef EQ_PACK_F32_H
#define EQ_PACK_F32_H

#include "product_f32.h"

/* What a call of the kernel is told of a matrix. */
typedef struct eq_packed_matrix {
    size_t offset; /* bytes of all packed matrices before it */
    int32_t columns, segments, taps, taps_x;
} eq_packed_matrix;

/* Where the matrices go; returns the bytes of all, SIZE_MAX if they are too many. */
size_t eq_matrices_f32_place(const eq_product_f32 *product, const eq_gemm_f32_kernel *kernel, eq_packed_matrix *places);

/* Bytes of scratch that packing takes. */
size_t eq_matrices_f32_scratch(const eq_product_f32 *product);

typedef struct eq_pack_f32 {
    const eq_product_f32 *product;
    const eq_gemm_f32_kernel *kernel;
    const eq_packed_matrix *places;
    eq_type type;
    const void *weights;
    const float *bias;
    float *scratch;
} eq_pack_f32;

void eq_matrices_f32_pack(const eq_pack_f32 *pack, void *packed);

#endif
