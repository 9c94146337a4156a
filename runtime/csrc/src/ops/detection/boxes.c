#include "boxes.h"

#include <string.h>

#include "arithmetic/portable_math.h"

enum { Y, X, HEIGHT };

typedef struct eq_decode {
    int32_t columns; /* of the encodings */
    float scales[EQ_CORNERS];
    eq_reals encodings, anchors;
} eq_decode;

eq_reals eq_reals_of(const eq_tensor *tensor) {
    const bool quantized = tensor->type == EQ_INT8;
    return (eq_reals){quantized, quantized ? tensor->scales[0] : 1, quantized ? tensor->zero_points[0] : 0};
}

/* A box's two ends along one axis. */
static void decode_axis(const eq_decode *d, const float *encoding, const float *anchor, int32_t axis, float *box) {
    const int32_t length = axis + HEIGHT;
    const double size = (double)anchor[length], place = (double)anchor[axis];
    const float center = (float)((double)encoding[axis] / (double)d->scales[axis] * size + place);
    const float half = (float)(0.5 * eq_exp((double)encoding[length] / (double)d->scales[length]) * size);
    box[axis + EQ_YMIN] = center - half;
    box[axis + EQ_YMAX] = center + half;
}

/* A unit is a box. */
static void run_decode(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)scratch;
    const eq_decode *d = step->data;
    const void *encodings = storage[step->inputs[0].tensor].data, *anchors = storage[step->inputs[1].tensor].data;
    float *boxes = storage[step->outputs[0].tensor].data;
    for (int32_t b = first; b < last; ++b) {
        float encoding[EQ_CORNERS], anchor[EQ_CORNERS];
        for (int32_t i = 0; i < EQ_CORNERS; ++i) {
            encoding[i] = eq_real_at(&d->encodings, encodings, (int64_t)b * d->columns + i);
            anchor[i] = eq_real_at(&d->anchors, anchors, (int64_t)b * EQ_CORNERS + i);
        }
        decode_axis(d, encoding, anchor, Y, boxes + (int64_t)b * EQ_CORNERS);
        decode_axis(d, encoding, anchor, X, boxes + (int64_t)b * EQ_CORNERS);
    }
}

int32_t eq_decode_boxes(eq_plan *plan, const eq_operator *op, const float *scales) {
    const eq_tensor *encodings = eq_plan_input(plan, op, 0), *anchors = eq_plan_input(plan, op, 2);
    const int32_t dims[] = {encodings->dims[1], EQ_CORNERS};
    const int32_t boxes = eq_plan_temporary(plan, EQ_FLOAT32, 2, dims);
    eq_step *step = boxes < 0 ? NULL : eq_plan_step(plan, op, run_decode, sizeof(eq_decode), 2, 1);
    if (!step) {
        return -1;
    }
    eq_decode *d = step->data;
    *d = (eq_decode){.columns = encodings->dims[2], .encodings = eq_reals_of(encodings), .anchors = eq_reals_of(anchors)};
    memcpy(d->scales, scales, sizeof d->scales);
    step->inputs[0].tensor = op->inputs[0];
    step->inputs[1].tensor = op->inputs[2];
    step->outputs[0].tensor = boxes;
    step->units = dims[0];
    step->cost = (uint64_t)dims[0] * 100; /* two exponentials */
    step->slow = true;
    return boxes;
}

float eq_box_overlap(const float *a, const float *b) {
    const float area_a = (a[EQ_YMAX] - a[EQ_YMIN]) * (a[EQ_XMAX] - a[EQ_XMIN]);
    const float area_b = (b[EQ_YMAX] - b[EQ_YMIN]) * (b[EQ_XMAX] - b[EQ_XMIN]);
    if (area_a <= 0 || area_b <= 0) {
        return 0;
    }
    const float top = a[EQ_YMIN] > b[EQ_YMIN] ? a[EQ_YMIN] : b[EQ_YMIN];
    const float left = a[EQ_XMIN] > b[EQ_XMIN] ? a[EQ_XMIN] : b[EQ_XMIN];
    const float bottom = a[EQ_YMAX] < b[EQ_YMAX] ? a[EQ_YMAX] : b[EQ_YMAX];
    const float right = a[EQ_XMAX] < b[EQ_XMAX] ? a[EQ_XMAX] : b[EQ_XMAX];
    const float common = (bottom > top ? bottom - top : 0) * (right > left ? right - left : 0);
    return common / (area_a + area_b - common);
}
