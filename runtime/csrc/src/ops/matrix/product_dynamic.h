/* Products of a float input, quantized during the run, with int8 weights: convolutions, fully connected layers, matrix products. */
#ifndef EQ_PRODUCT_DYNAMIC_H
#define EQ_PRODUCT_DYNAMIC_H

#include "dynamic.h"
#include "ops/window.h"

/* Some columns of some pixels. A pixel of the part numbered p is the pixel first_pixel + p of all images. */
typedef struct eq_dynamic_part {
    ptrdiff_t first_weight; /* of the weights' tensor */
    int32_t first_column;   /* of bias and scales, and of a pixel's outputs */
    int32_t in_channel, first_pixel, pixels;
} eq_dynamic_part;

typedef struct eq_product_dynamic {
    eq_window window;
    int32_t in_height, in_width, in_channels, out_channels; /* of the image without its halo, which is window.pad */
    int32_t columns, channels;                              /* of each part's matrix */
    ptrdiff_t column_stride, weight_stride;                 /* elements between columns, and between a column's weights */
    bool scale_for_pixels; /* each pixel of the input has a scale, and no halo; else each image */
    const eq_tensor *weights, *bias;
    eq_dynamic_input input;
    int32_t out_tensor;
    float min, max;
    int32_t part_count;
    eq_dynamic_part *parts;
} eq_product_dynamic;

eq_status eq_product_dynamic_plan(eq_plan *plan, const eq_operator *op, const eq_product_dynamic *product);

#endif
