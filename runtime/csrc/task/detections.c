/* What detectors put out, as boxes in the frame.
 *
 *   ssd          the operator TFLite_Detection_PostProcess: boxes (1, n, 4) as top, left, bottom, right from 0 to 1; classes; scores; count
 *   yolov5       (1, n, 5 + classes): centre x, centre y, width, height, whether something is there, classes. With anchors, the
 *                raw grids (1, h, w, 3 * (5 + classes)) of three strides
 *   yolox        (1, n, 5 + classes) for the cells of strides 8, 16 and 32, row by row (yolox.c)
 *   yolov8       (1, 4 + classes, n), of YOLO11 too: centre x, centre y, width, height, classes. (Ultralytics)
 *   yolov10      (1, n, 6): left, top, right, bottom, score, class; nothing to suppress */
#include <math.h>

#include "arithmetic/functions_f32.h"
#include "decoders.h"

enum { MOST_OF_A_UNIT = 2 };

/* A finite box that scores well enough; in the model's pixels. */
void eq_add_box(eq_task *task, eq_box box) {
    eq_boxes *boxes = &task->boxes;
    const bool is_finite = isfinite(box.left) && isfinite(box.top) && isfinite(box.right) && isfinite(box.bottom);
    if (is_finite && box.score >= task->spec.least_score && box.score > 0 && boxes->count < boxes->capacity) {
        boxes->found[boxes->count++] = box;
    }
}

/* From units of the picture to pixels. */
void eq_units_of(const eq_task *task, float *x, float *y) {
    *x = task->has_unit_boxes ? (float)task->image.width : 1;
    *y = task->has_unit_boxes ? (float)task->image.height : 1;
}

/* In pixels most boxes go beyond 2, in units of the picture none that is any good. Boxes without an area, with which outputs of a
 * fixed size are filled up, are not asked. */
static bool has_unit_boxes(const eq_task *task) {
    const bool is_corners = task->spec.decoder == EQ_CORNERS, is_by_columns = task->spec.decoder == EQ_YOLOV8;
    const eq_reals_out *out = &task->outputs[is_corners ? task->detector.boxes : 0];
    if (task->spec.units != EQ_UNSAID) {
        return task->spec.units == EQ_UNIT;
    }
    const int64_t last = out->info.shape[out->info.rank - 1], step = is_by_columns ? 1 : last, apart = is_by_columns ? last : 1;
    const int64_t count = is_by_columns ? last : out->elements / last;
    int64_t boxes = 0, beyond = 0;
    for (int64_t i = 0; i < count; i++) {
        const float *box = out->values + i * step;
        const float x = box[0], y = box[apart], third = box[2 * apart], fourth = box[3 * apart];
        const bool is_box = third > (is_corners ? x : 0) && fourth > (is_corners ? y : 0);
        boxes += is_box;
        beyond += is_box && (x > MOST_OF_A_UNIT || y > MOST_OF_A_UNIT || third > MOST_OF_A_UNIT || fourth > MOST_OF_A_UNIT);
    }
    return 2 * beyond <= boxes;
}

void eq_add_centred(eq_task *task, float x, float y, float width, float height, float score, int32_t class) {
    float unit_x, unit_y;
    eq_units_of(task, &unit_x, &unit_y);
    eq_add_box(task, (eq_box){(x - width / 2) * unit_x, (y - height / 2) * unit_y, (x + width / 2) * unit_x,
                              (y + height / 2) * unit_y, score, class});
}

/* The first of the best classes, whose scores are `step` apart. */
__attribute__((noinline)) int32_t eq_best_of(const float *scores, int32_t count, int32_t step) {
    int32_t best = 0;
    for (int32_t c = 1; c < count; c++) {
        best = scores[c * step] > scores[best * step] ? c : best;
    }
    return best;
}

/* Not a copy of its sixty instructions wherever it is asked. */
static __attribute__((noinline)) float logistic(float x) {
    return eq_logistic_f32(x);
}

static float activated(const eq_task *task, float score) {
    return task->spec.activation == EQ_SIGMOID ? logistic(score) : score;
}

float eq_score_of_row(const eq_task *task, const float *row, int32_t classes, int32_t *class) {
    const float there = activated(task, row[4]);
    const bool is_asked = there >= task->spec.least_score && classes > 0;
    *class = is_asked ? eq_best_of(row + YOLOV5_EXTRA, classes, 1) : 0;
    return is_asked ? there * activated(task, row[YOLOV5_EXTRA + *class]) : there;
}

static void decode_ssd(eq_task *task) {
    const eq_detector *d = &task->detector;
    const float *boxes = task->outputs[d->boxes].values, *classes = task->outputs[d->classes].values;
    const float *scores = task->outputs[d->scores].values;
    const int64_t room = task->outputs[d->classes].elements;
    const float told = task->outputs[d->count].values[0];
    const int64_t count = told >= 0 && told < (float)room ? (int64_t)told : told >= 0 ? room : 0;
    const float width = (float)task->image.width, height = (float)task->image.height;
    for (int64_t i = 0; i < count; i++, boxes += CORNERS) {
        const int32_t class = classes[i] >= 0 && classes[i] < 1e6f ? (int32_t)classes[i] : 0;
        eq_add_box(task, (eq_box){boxes[1] * width, boxes[0] * height, boxes[3] * width, boxes[2] * height, scores[i], class});
    }
}

static void decode_yolov5(eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    const int32_t columns = out->info.shape[out->info.rank - 1], classes = columns - YOLOV5_EXTRA;
    const float *row = out->values;
    for (int64_t i = out->elements / columns; i > 0; i--, row += columns) {
        int32_t class;
        const float score = eq_score_of_row(task, row, classes, &class);
        if (score >= task->spec.least_score) {
            eq_add_centred(task, row[0], row[1], row[2], row[3], score, class);
        }
    }
}

/* A cell of a raw grid: (2 s - 1/2 + cell) strides, (2 s)^2 anchors, s the logistic function of what the network gives. */
static void decode_cell(eq_task *task, const float *row, int32_t classes, int32_t x, int32_t y, float stride,
                        const float *anchor) {
    const float there = logistic(row[4]);
    if (!(there >= task->spec.least_score)) {
        return;
    }
    const int32_t class = classes > 0 ? eq_best_of(row + YOLOV5_EXTRA, classes, 1) : 0;
    const float centre_x = (2 * logistic(row[0]) - 0.5f + (float)x) * stride;
    const float centre_y = (2 * logistic(row[1]) - 0.5f + (float)y) * stride;
    const float w = 2 * logistic(row[2]), h = 2 * logistic(row[3]);
    const float width = w * w * anchor[0], height = h * h * anchor[1];
    eq_add_box(task, (eq_box){centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2,
                              classes > 0 ? there * logistic(row[YOLOV5_EXTRA + class]) : there, class});
}

static void decode_yolov5_grids(eq_task *task) {
    for (int32_t o = 0; o < task->output_count; o++) {
        const eq_reals_out *out = &task->outputs[o];
        const int32_t height = out->info.shape[1], width = out->info.shape[2];
        const int32_t columns = (int32_t)(out->elements / ((int64_t)height * width * GRID_ANCHORS));
        const float stride = (float)task->image.width / (float)width, *row = out->values;
        for (int32_t y = 0; y < height; y++) {
            for (int32_t x = 0; x < width; x++) {
                for (int32_t a = 0; a < GRID_ANCHORS; a++, row += columns) {
                    const float *anchor = task->spec.anchors.values + (o * GRID_ANCHORS + a) * 2;
                    decode_cell(task, row, columns - YOLOV5_EXTRA, x, y, stride, anchor);
                }
            }
        }
    }
}

/* Columns are candidates. The best class of all of them is found row by row, as they lie in memory. */
static void decode_yolov8(eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    const int32_t count = out->info.shape[out->info.rank - 1], classes = (int32_t)(out->elements / count) - CORNERS;
    const float *x = out->values, *y = x + count, *width = y + count, *height = width + count;
    float *best = task->scores;
    int32_t *class = task->classes;
    const float *scores = height + count;
    for (int32_t i = 0; i < count; i++) {
        best[i] = scores[i];
        class[i] = 0;
    }
    for (int32_t c = 1; c < classes; c++) {
        scores += count;
        for (int32_t i = 0; i < count; i++) {
            const bool is_better = scores[i] > best[i];
            best[i] = is_better ? scores[i] : best[i];
            class[i] = is_better ? c : class[i];
        }
    }
    for (int32_t i = 0; i < count; i++) {
        const float score = task->spec.activation == EQ_NO_ACTIVATION ? best[i] : activated(task, best[i]);
        if (score >= task->spec.least_score) {
            eq_add_centred(task, x[i], y[i], width[i], height[i], score, class[i]);
        }
    }
}

static void decode_yolov10(eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    float unit_x, unit_y;
    eq_units_of(task, &unit_x, &unit_y);
    const float *row = out->values;
    for (int64_t i = out->elements / YOLOV10_COLUMNS; i > 0; i--, row += YOLOV10_COLUMNS) {
        const int32_t class = row[5] >= 0 && row[5] < 1e6f ? (int32_t)row[5] : 0;
        eq_add_box(task, (eq_box){row[0] * unit_x, row[1] * unit_y, row[2] * unit_x, row[3] * unit_y, row[4], class});
    }
}

/* ---- the answer ---- */

static float within(float value, int32_t most) {
    return value<0 ? 0 : value>(float) most ? (float)most : value;
}

static void answer_box(eq_task *task, const eq_box *box) {
    const eq_geometry *g = &task->geometry;
    eq_answer_add(task, box->class, box->score);
    eq_answer_item *item = &task->items[task->answer.count - 1];
    item->left = within(box->left * g->scale[0] + g->origin[0], g->frame_width);
    item->top = within(box->top * g->scale[1] + g->origin[1], g->frame_height);
    item->right = within(box->right * g->scale[0] + g->origin[0], g->frame_width);
    item->bottom = within(box->bottom * g->scale[1] + g->origin[1], g->frame_height);
}

static void decode(eq_task *task) {
    switch (task->spec.decoder) {
    case EQ_SSD:
        decode_ssd(task);
        break;
    case EQ_YOLOV5:
        (task->spec.anchors.count > 0 ? decode_yolov5_grids : decode_yolov5)(task);
        break;
    case EQ_YOLOV8:
        decode_yolov8(task);
        break;
    case EQ_YOLOV10:
        decode_yolov10(task);
        break;
    case EQ_YOLOX:
        eq_yolox_decode(task);
        break;
    default: /* anchors' codes, and those like them */
        eq_codes_decode(task);
    }
}

void eq_detections_answer(eq_task *task) {
    const eq_spec *spec = &task->spec;
    task->boxes.count = 0;
    task->has_unit_boxes = has_unit_boxes(task);
    decode(task);
    /* The operator and YOLOv10 have suppressed already: nothing covers more than all of another box. */
    const bool is_done = spec->decoder == EQ_SSD || spec->decoder == EQ_YOLOV10;
    const int32_t kept = eq_suppress(&task->boxes, is_done ? 2 : spec->most_overlap, spec->is_agnostic, spec->top);
    for (int32_t k = 0; k < kept; k++) {
        const int32_t candidate = task->boxes.kept[k].place;
        answer_box(task, &task->boxes.found[candidate]);
        if (task->points != NULL) {
            eq_codes_answer_points(task, k, task->rows[candidate]);
        }
    }
}
