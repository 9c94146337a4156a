/* The boxes of SSD detectors: ymin, xmin, ymax, xmax. */
#ifndef EQ_BOXES_H
#define EQ_BOXES_H

#include "plan/plan.h"

enum { EQ_YMIN, EQ_XMIN, EQ_YMAX, EQ_XMAX, EQ_CORNERS };

/* Values of a tensor that is float32 or quantized. */
typedef struct eq_reals {
    bool quantized;
    float scale;
    int32_t zero_point;
} eq_reals;

eq_reals eq_reals_of(const eq_tensor *tensor);

static inline float eq_real_at(const eq_reals *reals, const void *values, int64_t i) {
    return reals->quantized ? reals->scale * (float)(((const int8_t *)values)[i] - reals->zero_point)
                            : ((const float *)values)[i];
}

/* A step that decodes the operator's input 0, (1, boxes, 4 or more), around the anchors of its input 2, (boxes, 4), both as y, x,
 * height, width, the encodings in units of 1 / scales[i]. Returns the tensor of the boxes, (boxes, 4); -1: error written. */
int32_t eq_decode_boxes(eq_plan *plan, const eq_operator *op, const float *scales);

/* The area that two boxes share, over the area that they cover together; 0 if one has none. */
float eq_box_overlap(const float *a, const float *b);

#endif
