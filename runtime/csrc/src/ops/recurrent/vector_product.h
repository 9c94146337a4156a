/* Weights times one vector of floats, of which recurrent operators are made: float32 weights, or int8 ones ("hybrid") and a vector
 * that is quantized by its own range, as LiteRT does.
 *
 *     float:  out[n] = bias[n] + sum over k of weights[n][k] * vector[k]                        (as eq_kernels.gemm_f32)
 *     hybrid: out[n] = bias[n] + float(sum over k of weights[n][k] * (q[k] - zero_point)) * (vector scale * weights' scale) */
#ifndef EQ_VECTOR_PRODUCT_H
#define EQ_VECTOR_PRODUCT_H

#include "ops/matrix/dynamic.h"

enum { EQ_VECTOR_PRODUCTS = 26 }; /* of one operator: those of two LSTM with a second input and a projection */

typedef struct eq_vector_product {
    int32_t weights_slot;     /* of the operator's inputs: (columns, depth); 0: there is no such product */
    int32_t bias_slot;        /* (columns) of floats; 0, or the slot of an absent input: none */
    const eq_tensor *weights; /* what follows is set when they are packed; NULL: no such product */
    const float *bias;
    size_t at; /* in the packed weights */
    eq_gemm_f32 gemm;
    const int8_t *quantized; /* (columns, depth), both padded as eq_kernels.dot asks */
    const int32_t *sums;     /* of each column */
} eq_vector_product;

typedef struct eq_vector_products {
    bool hybrid, asymmetric; /* how the vector is quantized */
    const eq_kernels *kernels;
    eq_vector_product products[EQ_VECTOR_PRODUCTS];
} eq_vector_products;

/* A vector as products read it. */
typedef struct eq_vector {
    const float *values;
    const int8_t *quantized;
    eq_dynamic_scale scale;
} eq_vector;

/* The int8 weight that the file means: LiteRT reads the bytes of uint8 weights as if they were of int8. */
int8_t eq_vector_weight(const eq_tensor *weights, ptrdiff_t index);

/* Pack the weights of all products, which are constants of the right type and shape, and find their places. Fails unless int8 ones
 * have one scale and the zero point 0. */
eq_status eq_vector_products_pack(eq_plan *plan, const eq_operator *op, eq_vector_products *set);
/* Bytes, multiples of 64, of what eq_vector_add and eq_vector_read use as scratch. */
size_t eq_vector_sums_bytes(const eq_vector_products *set);
size_t eq_vector_row_bytes(const eq_vector_products *set);

/* Make a vector of n values ready for the products of weights of one type; `row` is scratch that lives as long as it. */
eq_vector eq_vector_read(const eq_vector_products *set, const float *values, int32_t n, void *row);
/* Write the product, which begins with its bias, or add it to what is there. */
void eq_vector_write(const eq_vector_products *set, int32_t product, const eq_vector *vector, float *out, void *sums);
void eq_vector_add(const eq_vector_products *set, int32_t product, const eq_vector *vector, float *out, void *sums);

#endif
