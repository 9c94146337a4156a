/* Layers with int16 activations, int8 weights and zero points of 0. Sums are exact; how they are rounded depends on the operator and
 * on the bias, as in LiteRT (docs/arithmetic.md). */
#ifndef EQ_PRODUCT_S16_H
#define EQ_PRODUCT_S16_H

#include "layers.h"

typedef enum eq_rounding_s16 {
    EQ_SIXTEEN_BITS,   /* the scale has 16 bits; one rounding, ties up */
    EQ_TWICE_TIES_UP,  /* the sum wraps to int32, the scale has 31 bits; two roundings */
    EQ_TWICE_TIES_OUT, /* the same, but the second takes ties away from zero */
    EQ_TWICE_BY_EIGHT, /* ties up in blocks of eight columns, away from zero in the rest */
    EQ_IN_DOUBLE,      /* the product in double, ties away from zero */
} eq_rounding_s16;

/* A convolution in groups; depthwise has a group for each input channel, a fully connected layer windows of one pixel. */
typedef struct eq_product_s16 {
    eq_window window;
    int32_t batch, in_height, in_width, in_channels, out_channels, group_channels, group_columns;
    ptrdiff_t weight_column, weight_tap, weight_channel; /* bytes between neighbours */
    int32_t channel_axis;                                /* of the weights: their columns */
    int32_t in_tensor, out_tensor;
    const eq_tensor *weights, *bias; /* bias may be NULL */
    int32_t activation;
    eq_rounding_s16 rounding;
    bool float_scales; /* input scale * weight scale is rounded to float */
} eq_product_s16;

/* All of a CONV_2D or DEPTHWISE_CONV_2D but its rounding. (conv_s16.c) */
eq_status eq_conv_read_s16(eq_plan *plan, const eq_operator *op, eq_product_s16 *product);
eq_status eq_depthwise_read_s16(eq_plan *plan, const eq_operator *op, eq_product_s16 *product);

/* Checks types and quantization, packs the weights, and appends the step. */
eq_status eq_product_s16_plan(eq_plan *plan, const eq_operator *op, const eq_product_s16 *product);

#endif
