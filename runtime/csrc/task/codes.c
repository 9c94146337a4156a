/* Detectors that put out a box or its code for each of many places, and scores for each: codes and scores in tensors of their own.
 *
 *   ssd_anchors  codes (1, n, 4 or more) as y, x, height, width around anchors of the same order, over `scales`; scores (1, n, classes)
 *   blazeface    codes (1, n, 4 + 2 points) as x, y, width, height and points around anchors (detector.c), in pixels; scores (1, n, 1)
 *   retinaface   codes (1, n, 4) as x, y, width, height around anchors (detector.c), or corners that are made of them already; scores
 *                (1, n, 2), of which the first is of nothing; points (1, n, 2 points) or none
 *   corners      left, top, right, bottom (1, n, 4); scores (1, n, classes); points or none */
#include "arithmetic/functions_f32.h"
#include "task.h"

enum { CORNERS = 4 };

static void add_corners(eq_task *task, const float *box, float score, int32_t class) {
    float unit_x, unit_y;
    eq_units_of(task, &unit_x, &unit_y);
    eq_add_box(task, (eq_box){box[0] * unit_x, box[1] * unit_y, box[2] * unit_x, box[3] * unit_y, score, class});
}

/* (at, size) over one axis, in units of the picture: `axis` 0 or 1 of the codes' order. */
static void decode_axis(const eq_detector *d, const float *code, const float *anchor, int32_t axis, float *at, float *size) {
    const float scaled = code[2 + axis] / d->scales[2 + axis];
    *at = code[axis] / d->scales[axis] * anchor[2 + axis] + anchor[axis];
    *size = (d->is_linear ? scaled : eq_exp_f32(scaled)) * anchor[2 + axis];
}

static void add_code(eq_task *task, const float *code, const float *anchor, float score, int32_t class) {
    const eq_detector *d = &task->detector;
    float x, y, width, height;
    decode_axis(d, code, anchor, d->x_at, &x, &width);
    decode_axis(d, code, anchor, 1 - d->x_at, &y, &height);
    eq_add_centred(task, x, y, width, height, score, class);
}

/* Of an anchor's classes the best one, for each anchor whose score is high enough. Without `anchors` codes are corners. */
static void decode_codes(eq_task *task, const float *anchors) {
    const eq_detector *d = &task->detector;
    const eq_reals_out *codes = &task->outputs[d->boxes], *scores = &task->outputs[d->scores];
    const int32_t columns = codes->info.shape[codes->info.rank - 1], classes = scores->info.shape[scores->info.rank - 1];
    const int32_t count = (int32_t)(codes->elements / columns), background = task->spec.has_background;
    const float *code = codes->values;
    float *row = scores->values;
    for (int32_t i = 0; i < count; i++, code += columns, row += classes) {
        eq_activate_scores(task->spec.activation, row, classes);
        const int32_t class = eq_best_of(row + background, classes - background, 1), before = task->boxes.count;
        const float score = row[background + class];
        if (!(score >= task->spec.least_score)) {
            continue;
        }
        if (anchors != NULL) {
            add_code(task, code, anchors + (ptrdiff_t)i * CORNERS, score, class);
        } else {
            add_corners(task, code, score, class);
        }
        if (task->rows != NULL && task->boxes.count > before) {
            task->rows[before] = i;
        }
    }
}

/* Files of these networks have codes in them, or boxes that are made of them. Few boxes end before they begin, as many a code would:
 * the converters ask the same of as many (_detections.py). */
static bool has_corners(const eq_task *task) {
    const eq_reals_out *boxes = &task->outputs[task->detector.boxes];
    const int64_t count = boxes->elements / CORNERS;
    const float *end = boxes->values + boxes->elements;
    int64_t ordered = 0;
    for (const float *box = boxes->values; box < end; box += CORNERS) {
        ordered += box[2] >= box[0] && box[3] >= box[1];
    }
    return 100 * ordered > 99 * count;
}

void eq_codes_decode(eq_task *task) {
    const bool is_corners = task->spec.decoder == EQ_CORNERS || (task->spec.decoder == EQ_RETINAFACE && has_corners(task));
    task->has_unit_points = is_corners;
    decode_codes(task, is_corners ? NULL : task->detector.anchors);
}

/* The points of a kept box: around its anchor as its centre is, or in units of the picture. */
void eq_codes_answer_points(eq_task *task, int32_t place, int32_t row) {
    const eq_detector *d = &task->detector;
    const eq_geometry *g = &task->geometry;
    const eq_reals_out *out = &task->outputs[d->points];
    const float *code = out->values + (ptrdiff_t)row * out->info.shape[out->info.rank - 1] + d->point_column;
    const float *anchor = task->has_unit_points ? NULL : d->anchors + (ptrdiff_t)row * CORNERS;
    const int32_t y_at = 1 - d->x_at;
    float unit_x, unit_y;
    eq_units_of(task, &unit_x, &unit_y);
    for (int32_t p = 0; p < d->point_count; p++, code += 2) {
        float x = code[d->x_at], y = code[y_at];
        if (anchor != NULL) {
            x = x / d->scales[d->x_at] * anchor[2 + d->x_at] + anchor[d->x_at];
            y = y / d->scales[y_at] * anchor[2 + y_at] + anchor[y_at];
        }
        task->points[(ptrdiff_t)place * d->point_count + p] =
            (eq_point){x * unit_x * g->scale[0] + g->origin[0], y * unit_y * g->scale[1] + g->origin[1]};
    }
}

/* ---- opening ---- */

static eq_status open_points(eq_task *task, eq_error *error) {
    const eq_detector *d = &task->detector;
    const int32_t count = task->outputs[d->boxes].info.shape[1];
    if (d->points < 0) {
        return EQ_OK;
    }
    task->rows = eq_memory_take(&task->memory, (size_t)count * sizeof *task->rows);
    task->points = eq_memory_take(&task->memory, (size_t)task->spec.top * (size_t)d->point_count * sizeof *task->points);
    task->answer.points = task->points;
    task->answer.points_each = d->point_count;
    return task->rows != NULL && task->points != NULL ? EQ_OK
                                                      : eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the points");
}

eq_status eq_codes_open(eq_task *task, eq_error *error) {
    static const char *const sentences[EQ_DECODERS] = {
        [EQ_SSD_ANCHORS] =
            "ssd_anchors has codes (1, n, 4 or more) and scores (1, n, classes), and needs n 'anchors' of y, x, "
            "height and width and four 'scales'",
        [EQ_BLAZEFACE] = "blazeface has codes (1, n, 4 + 2 points) and scores (1, n, 1)",
        [EQ_RETINAFACE] = "retinaface has boxes (1, n, 4), scores (1, n, 2), and points (1, n, 2 points) or none",
        [EQ_CORNERS] = "corners has boxes (1, n, 4), scores (1, n, classes), and points (1, n, 2 points) or none"};
    const eq_spec *spec = &task->spec;
    eq_detector *d = &task->detector;
    if (!eq_find_codes(task, d)) {
        if (d->boxes >= 0 && d->scores < 0) {
            return eq_fail(
                error, EQ_ERROR_ARGUMENT,
                "which of the model's outputs are scores and which are points is not clear: give as many 'output.labels' "
                "as there are classes");
        }
        return eq_decoder_misfit(sentences[spec->decoder], error);
    }
    const eq_tensor_info *boxes = &task->outputs[d->boxes].info, *scores = &task->outputs[d->scores].info;
    const int32_t width = boxes->shape[2], classes = scores->shape[2];
    const bool is_blaze = spec->decoder == EQ_BLAZEFACE, has_many = is_blaze || spec->decoder == EQ_SSD_ANCHORS;
    const bool fits =
        (has_many || width == CORNERS) && (!is_blaze || (classes == 1 && width % 2 == 0)) && classes > spec->has_background &&
        (spec->anchors.count == boxes->shape[1] * CORNERS || (spec->anchors.count == 0 && spec->decoder != EQ_SSD_ANCHORS)) &&
        (spec->scales.count == 0 || spec->scales.count == CORNERS);
    if (spec->decoder == EQ_SSD_ANCHORS) {
        d->points = -1; /* what more columns are is not known */
    }
    if (!fits) {
        return eq_decoder_misfit(sentences[spec->decoder], error);
    }
    const eq_status status = spec->decoder == EQ_CORNERS ? EQ_OK : eq_detector_open(task, error);
    return status == EQ_OK ? open_points(task, error) : status;
}
