/* TFLite_Detection_PostProcess, the end of SSD detectors: box encodings (1, boxes, 4 or more), scores (1, boxes, classes, one more
 * if the background comes first) and anchors (boxes, 4) -> boxes (1, detections, 4) as ymin, xmin, ymax, xmax, their classes and
 * scores (1, detections), and how many there are (1); zeros fill the rest. There is room for max_detections *
 * max_classes_per_detection.
 *
 * Fast: boxes go by their best class, and each that stays gives its max_classes_per_detection best ones. Regular
 * (use_regular_nms): each class chooses among all boxes, and the best of all classes stay. */
#include <math.h>
#include <string.h>

#include "boxes.h"
#include "ops/custom_options.h"
#include "ops/order.h"
#include "plan/operator.h"

enum { ENCODINGS, SCORES, ANCHORS };
enum { BOXES, CLASSES, OUT_SCORES, COUNT };
enum { USUAL_PER_CLASS = 100 };

typedef struct eq_detect {
    int32_t boxes, classes, background; /* background: 1 if the first score is its, else 0 */
    int32_t most, most_classes, per_class;
    float least_score, most_overlap;
    bool regular;
    eq_reals scores;
} eq_detect;

/* Candidates, a box and a class each, the best first. */
typedef struct eq_candidates {
    float *scores;
    int32_t *places; /* box * classes + class */
    int32_t count;
} eq_candidates;

typedef struct eq_work {
    const float *boxes; /* (boxes, 4) */
    const void *scores;
    int64_t *keys;        /* of the box_scores */
    float *box_scores;    /* of one class, or of each box's best */
    int32_t *kept;        /* boxes that stay, the best first */
    int32_t *spare;       /* for each box */
    float *class_scores;  /* of one box */
    int32_t *class_order; /* of one box */
    eq_candidates found;  /* of the classes so far: max_detections */
    eq_candidates merged; /* with those of one more */
} eq_work;

static void *take(uint8_t **memory, size_t count) {
    void *taken = *memory;
    *memory += count * sizeof(float);
    return taken;
}

static size_t candidates_of(const eq_detect *d) {
    return d->regular ? (size_t)d->most : 0;
}

static size_t work_bytes(const eq_detect *d) {
    return (5 * (size_t)d->boxes + 2 * (size_t)d->classes + 4 * candidates_of(d)) * sizeof(float);
}

static eq_work work_in(const eq_detect *d, uint8_t *memory) {
    const size_t boxes = (size_t)d->boxes, classes = (size_t)d->classes, candidates = candidates_of(d);
    eq_work w = {.keys = take(&memory, 2 * boxes), .box_scores = take(&memory, boxes)};
    w.kept = take(&memory, boxes);
    w.spare = take(&memory, boxes);
    w.class_scores = take(&memory, classes);
    w.class_order = take(&memory, classes);
    w.found = (eq_candidates){.scores = take(&memory, candidates), .places = take(&memory, candidates)};
    w.merged = (eq_candidates){.scores = take(&memory, candidates), .places = take(&memory, candidates)};
    return w;
}

static float score_at(const eq_detect *d, const eq_work *w, int32_t box, int32_t class) {
    const int64_t row = (int64_t)box * (d->classes + d->background);
    return eq_real_at(&d->scores, w->scores, row + d->background + class);
}

static bool overlaps_kept(const eq_detect *d, const eq_work *w, int32_t kept, int32_t box) {
    for (int32_t i = 0; i < kept; ++i) {
        if (eq_box_overlap(w->boxes + (int64_t)w->kept[i] * EQ_CORNERS, w->boxes + (int64_t)box * EQ_CORNERS) >
            d->most_overlap) {
            return true;
        }
    }
    return false;
}

/* Go through the boxes by their scores, the best first, and keep those that overlap none that was kept. Returns how many. */
static int32_t suppress(const eq_detect *d, eq_work *w, int32_t most) {
    int32_t candidates = 0, kept = 0;
    for (int32_t b = 0; b < d->boxes; ++b) {
        w->keys[b] = eq_order_key(w->box_scores[b]);
        if (w->box_scores[b] >= d->least_score) {
            w->kept[candidates++] = b;
        }
    }
    eq_order_decreasing(w->keys, w->kept, candidates, w->spare);
    for (int32_t i = 0; i < candidates && kept < most; ++i) { /* kept <= i: no candidate is lost */
        const int32_t box = w->kept[i];
        if (!overlaps_kept(d, w, kept, box)) {
            w->kept[kept++] = box;
        }
    }
    return kept;
}

/* ---- fast ---- */

static void load_box(const eq_detect *d, eq_work *w, int32_t box) {
    for (int32_t c = 0; c < d->classes; ++c) {
        w->class_scores[c] = score_at(d, w, box, c);
    }
}

static int32_t detect_fast(const eq_detect *d, eq_work *w, float *boxes, float *classes, float *scores) {
    const int32_t each = d->most_classes < d->classes ? d->most_classes : d->classes;
    for (int32_t b = 0; b < d->boxes; ++b) {
        load_box(d, w, b);
        eq_order_largest(w->class_scores, w->class_order, d->classes, 1);
        w->box_scores[b] = w->class_scores[w->class_order[0]];
    }
    const int32_t kept = suppress(d, w, d->most);
    for (int32_t i = 0; i < kept; ++i) {
        load_box(d, w, w->kept[i]);
        eq_order_largest(w->class_scores, w->class_order, d->classes, each);
        for (int32_t c = 0; c < each; ++c) {
            const int64_t at = (int64_t)i * d->most_classes + c;
            memcpy(boxes + at * EQ_CORNERS, w->boxes + (int64_t)w->kept[i] * EQ_CORNERS, EQ_CORNERS * sizeof *boxes);
            classes[at] = (float)w->class_order[c];
            scores[at] = w->class_scores[w->class_order[c]];
        }
    }
    return kept;
}

/* ---- regular ---- */

/* Merge the boxes that a class kept with what was found in earlier classes, whose candidates come first where scores are equal. */
static void merge_class(const eq_detect *d, eq_work *w, int32_t class, int32_t kept) {
    const eq_candidates *found = &w->found;
    eq_candidates *merged = &w->merged;
    int32_t old = 0, new = 0;
    for (merged->count = 0; merged->count < d->most && (old < found->count || new < kept); ++merged->count) {
        const float score = new < kept ? w->box_scores[w->kept[new]] : 0;
        if (new == kept || (old < found->count && found->scores[old] >= score)) {
            merged->scores[merged->count] = found->scores[old];
            merged->places[merged->count] = found->places[old++];
        } else {
            merged->scores[merged->count] = score;
            merged->places[merged->count] = w->kept[new++] * d->classes + class;
        }
    }
    const eq_candidates swapped = *found;
    w->found = *merged;
    w->merged = swapped;
}

static int32_t detect_regular(const eq_detect *d, eq_work *w, float *boxes, float *classes, float *scores) {
    for (int32_t c = 0; c < d->classes; ++c) {
        for (int32_t b = 0; b < d->boxes; ++b) {
            w->box_scores[b] = score_at(d, w, b, c);
        }
        merge_class(d, w, c, suppress(d, w, d->per_class));
    }
    const eq_candidates *found = &w->found;
    for (int32_t i = 0; i < found->count; ++i) {
        const int32_t box = found->places[i] / d->classes;
        memcpy(boxes + (int64_t)i * EQ_CORNERS, w->boxes + (int64_t)box * EQ_CORNERS, EQ_CORNERS * sizeof *boxes);
        classes[i] = (float)(found->places[i] % d->classes);
        scores[i] = found->scores[i];
    }
    return found->count;
}

static void run_detect(const eq_step *step, const eq_storage *storage, int32_t first, int32_t last, void *scratch) {
    (void)first, (void)last;
    const eq_detect *d = step->data;
    eq_work w = work_in(d, scratch);
    w.boxes = storage[step->inputs[0].tensor].data;
    w.scores = storage[step->inputs[1].tensor].data;
    float *boxes = storage[step->outputs[BOXES].tensor].data, *classes = storage[step->outputs[CLASSES].tensor].data;
    float *scores = storage[step->outputs[OUT_SCORES].tensor].data, *count = storage[step->outputs[COUNT].tensor].data;
    const size_t room = (size_t)d->most * (size_t)d->most_classes;
    memset(boxes, 0, room * EQ_CORNERS * sizeof *boxes);
    memset(classes, 0, room * sizeof *classes);
    memset(scores, 0, room * sizeof *scores);
    count[0] = (float)(d->regular ? detect_regular : detect_fast)(d, &w, boxes, classes, scores);
}

/* ---- planning ---- */

static eq_status check_tensors(eq_plan *plan, const eq_operator *op) {
    const eq_tensor *encodings = eq_plan_input(plan, op, ENCODINGS), *scores = eq_plan_input(plan, op, SCORES);
    const eq_tensor *anchors = eq_plan_input(plan, op, ANCHORS);
    for (int32_t slot = 0; slot < op->input_count; ++slot) {
        const eq_tensor *tensor = eq_plan_input(plan, op, slot);
        if (tensor->type != EQ_FLOAT32 && (tensor->type != EQ_INT8 || tensor->scale_count != 1)) {
            return eq_plan_fail(plan, op, EQ_ERROR_UNSUPPORTED, "its inputs must be float32, or uint8 or int8 with one scale");
        }
    }
    for (int32_t slot = 0; slot < op->output_count; ++slot) {
        if (eq_plan_output(plan, op, slot)->type != EQ_FLOAT32) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its outputs must be float32");
        }
    }
    if (encodings->rank != 3 || scores->rank != 3 || anchors->rank != 2 || encodings->dims[0] != 1 || scores->dims[0] != 1 ||
        encodings->dims[2] < EQ_CORNERS || anchors->dims[1] != EQ_CORNERS || scores->dims[1] != encodings->dims[1] ||
        anchors->dims[0] != encodings->dims[1] || anchors->type != encodings->type) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL,
                            "needs encodings (1, boxes, 4), scores (1, boxes, classes) and anchors (boxes, 4), encodings and "
                            "anchors of one type");
    }
    return EQ_OK;
}

static eq_status read_scales(eq_plan *plan, const eq_operator *op, float *scales) {
    static const char *const names[] = {"y_scale", "x_scale", "h_scale", "w_scale"};
    for (int32_t i = 0; i < EQ_CORNERS; ++i) {
        scales[i] = eq_custom_float(op, names[i], 0);
        if (!isfinite(scales[i]) || scales[i] == 0) {
            return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its option %s must be a number other than 0", names[i]);
        }
    }
    return EQ_OK;
}

static eq_status read_options(eq_plan *plan, const eq_operator *op, eq_detect *d) {
    const eq_tensor *scores = eq_plan_input(plan, op, SCORES);
    *d = (eq_detect){
        .boxes = scores->dims[1],
        .classes = eq_custom_int(op, "num_classes", 0),
        .most = eq_custom_int(op, "max_detections", 0),
        .most_classes = eq_custom_int(op, "max_classes_per_detection", 0),
        .per_class = eq_custom_int(op, "detections_per_class", USUAL_PER_CLASS),
        .least_score = eq_custom_float(op, "nms_score_threshold", 0),
        .most_overlap = eq_custom_float(op, "nms_iou_threshold", 0),
        .regular = eq_custom_bool(op, "use_regular_nms", false),
        .scores = eq_reals_of(scores),
    };
    d->background = scores->dims[2] - d->classes;
    if (d->classes < 1 || d->background < 0 || d->background > 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its scores are of %d classes, and its option num_classes is %d",
                            (int)scores->dims[2], (int)d->classes);
    }
    if (d->most < 1 || d->most_classes < 1 || d->per_class < 1) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL,
                            "its options max_detections, max_classes_per_detection and detections_per_class must be positive");
    }
    if (!(d->most_overlap > 0 && d->most_overlap <= 1)) {
        return eq_plan_fail(plan, op, EQ_ERROR_MODEL, "its option nms_iou_threshold must be above 0, and 1 at most");
    }
    return EQ_OK;
}

static eq_status shape_outputs(eq_plan *plan, const eq_operator *op, const eq_detect *d) {
    const int64_t room = (int64_t)d->most * d->most_classes;
    const int32_t dims[] = {1, room > INT32_MAX ? INT32_MAX : (int32_t)room, EQ_CORNERS}, one = 1;
    eq_status status = eq_plan_shape(plan, op, BOXES, 3, dims);
    for (int32_t slot = CLASSES; slot < COUNT && status == EQ_OK; ++slot) {
        status = eq_plan_shape(plan, op, slot, 2, dims);
    }
    return status == EQ_OK ? eq_plan_shape(plan, op, COUNT, 1, &one) : status;
}

eq_status eq_prepare_detection_post_process(eq_plan *plan, const eq_operator *op) {
    eq_detect d;
    float scales[EQ_CORNERS];
    eq_status status = eq_plan_arity(plan, op, 3, 3, 0, 4);
    if (status != EQ_OK || (status = check_tensors(plan, op)) != EQ_OK || (status = read_options(plan, op, &d)) != EQ_OK ||
        (status = read_scales(plan, op, scales)) != EQ_OK || (status = shape_outputs(plan, op, &d)) != EQ_OK) {
        return status;
    }
    const int32_t boxes = eq_decode_boxes(plan, op, scales);
    eq_step *step = boxes < 0 ? NULL : eq_plan_step(plan, op, run_detect, sizeof d, 2, 4);
    if (!step) {
        return (eq_status)plan->error->status;
    }
    memcpy(step->data, &d, sizeof d);
    step->inputs[0].tensor = boxes;
    step->inputs[1].tensor = op->inputs[SCORES];
    for (int32_t slot = BOXES; slot <= COUNT; ++slot) {
        step->outputs[slot].tensor = op->outputs[slot];
    }
    step->scratch = work_bytes(&d);
    step->cost = (uint64_t)eq_tensor_elements(eq_plan_input(plan, op, SCORES));
    step->slow = true;
    step->open_ended = true;
    return EQ_OK;
}

EQ_CUSTOM_OPERATOR("TFLite_Detection_PostProcess", eq_prepare_detection_post_process, ANY);
EQ_CUSTOM_OPERATOR_NOTE("TFLite_Detection_PostProcess", "float32, uint8 or int8; one image; zeros after the last detection");
