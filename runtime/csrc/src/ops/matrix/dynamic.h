/* Dynamic range: int8 weights with float inputs, which are quantized during the run, each group of values by its own range. */
#ifndef EQ_DYNAMIC_H
#define EQ_DYNAMIC_H

#include "plan/plan.h"

/* Whose rounding. */
typedef enum eq_dynamic_rule {
    EQ_DYNAMIC_XNNPACK, /* its qd8 kernels */
    EQ_DYNAMIC_LITERT, /* PortableAsymmetricQuantizeFloats: depthwise convolution and recurrent operators, which XNNPACK leaves */
    EQ_DYNAMIC_SYMMETRIC, /* PortableSymmetricQuantizeFloats: recurrent operators; the zero point is 0 */
} eq_dynamic_rule;

typedef struct eq_dynamic_input {
    int32_t values; /* tensor of int8: the input's values, of images with their halo */
    int32_t scales; /* tensor with an eq_dynamic_scale for each group */
    eq_halo halo;   /* that is there, around each image */
} eq_dynamic_input;

/* Quantize the n values of a group. */
void eq_dynamic_quantize_group(const eq_kernels *kernels, eq_dynamic_rule rule, const float *in, int64_t n, int8_t *out,
                               eq_dynamic_scale *made);

/* Append a step that quantizes `groups` equal parts of a float tensor, if none before does. */
eq_status eq_dynamic_quantize(eq_plan *plan, const eq_operator *op, int32_t tensor, int32_t groups, eq_dynamic_rule rule,
                              eq_dynamic_input *made);

/* Append a step that quantizes the images (batch, height, width, channels) of a float tensor, each for itself, and puts pixels around
 * them that hold their zero points, if none before does: with this halo, or one that is `or_wider`. */
eq_status eq_dynamic_quantize_images(eq_plan *plan, const eq_operator *op, int32_t tensor, const eq_halo *halo, bool or_wider,
                                     eq_dynamic_rule rule, eq_dynamic_input *made);

/* Checks int8 weights with one scale or one for each of `columns` along `axis`, zero points of 0, a float32 bias or none, and a float32
 * output. */
eq_status eq_dynamic_weights_check(eq_plan *plan, const eq_operator *op, const eq_tensor *weights, const eq_tensor *bias,
                                   int32_t axis, int32_t columns);

#endif
