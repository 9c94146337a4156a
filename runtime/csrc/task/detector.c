/* Which of a detector's outputs is what, and the anchors around which its codes lie.
 *
 * Anchors are centre x, centre y, width and height in units of the picture, grid by grid, row by row.
 *   blazeface   cells of each stride, as many anchors in each as there are layers of that stride, twice; all as wide as the picture
 *               (MediaPipe: SsdAnchorsCalculator with fixed_anchor_size, of its face, palm and pose detectors)
 *   retinaface  squares of two or three sizes in each cell (RetinaFace's PriorBox; Ultra-Light-Fast-Generic-Face-Detector-1MB, whose
 *               anchors are cut off at 1) */
#include "task.h"

enum { CORNERS = 4, LAYERS_MOST = 5, GRIDS_MOST = 4, SIZES_MOST = 3, PALM_COLUMNS = 18, PERSON_COLUMNS = 12, FACE_SCORES = 2 };

typedef struct eq_priors {
    bool is_cut;
    int32_t strides[GRIDS_MOST];
    int32_t sizes[GRIDS_MOST][SIZES_MOST];
} eq_priors;

static const int32_t blaze_strides[][LAYERS_MOST] = {{8, 16, 16, 16}, {16, 32, 32, 32}, {8, 16, 32, 32, 32}, {4}};
static const eq_priors ultraface = {true, {8, 16, 32, 64}, {{10, 16, 24}, {32, 48}, {64, 96}, {128, 192, 256}}};
static const eq_priors retinaface = {false, {8, 16, 32}, {{16, 32}, {64, 128}, {256, 512}}};

static int32_t cells(int32_t size, int32_t stride) {
    return (size + stride - 1) / stride;
}

static float *put(float *to, float x, float y, float width, float height) {
    to[0] = x;
    to[1] = y;
    to[2] = width;
    to[3] = height;
    return to + CORNERS;
}

/* Their number; `to` NULL: only count them. */
static int64_t fill_blaze(const int32_t *strides, int32_t width, int32_t height, float *to) {
    int64_t count = 0;
    for (int32_t layer = 0; layer < LAYERS_MOST && strides[layer] > 0;) {
        const int32_t stride = strides[layer], columns = cells(width, stride), rows = cells(height, stride);
        int32_t each = stride == 4 ? 1 : 0; /* the full-range detector, which has one layer, and one anchor in a cell */
        while (layer < LAYERS_MOST && strides[layer] == stride) {
            each += stride == 4 ? 0 : 2;
            layer++;
        }
        count += (int64_t)columns * rows * each;
        for (int32_t i = 0; to != NULL && i < columns * rows * each; i++) {
            const int32_t cell = i / each;
            to = put(to, ((float)(cell % columns) + 0.5f) / (float)columns, ((float)(cell / columns) + 0.5f) / (float)rows, 1,
                     1);
        }
    }
    return count;
}

static float cut(const eq_priors *priors, float value) {
    return priors->is_cut && value > 1 ? 1 : value;
}

static int64_t fill_priors(const eq_priors *priors, int32_t width, int32_t height, float *to) {
    int64_t count = 0;
    for (int32_t g = 0; g < GRIDS_MOST && priors->strides[g] > 0; g++) {
        const int32_t stride = priors->strides[g], columns = cells(width, stride), rows = cells(height, stride);
        int32_t each = 0;
        while (each < SIZES_MOST && priors->sizes[g][each] > 0) {
            each++;
        }
        count += (int64_t)columns * rows * each;
        for (int32_t i = 0; to != NULL && i < columns * rows * each; i++) {
            const int32_t cell = i / each, size = priors->sizes[g][i % each];
            const float x = ((float)(cell % columns) + 0.5f) * (float)stride / (float)width;
            const float y = ((float)(cell / columns) + 0.5f) * (float)stride / (float)height;
            to = put(to, cut(priors, x), cut(priors, y), cut(priors, (float)size / (float)width),
                     cut(priors, (float)size / (float)height));
        }
    }
    return count;
}

static const int32_t *blaze_of(const eq_task *task, int64_t count) {
    for (size_t i = 0; i < sizeof blaze_strides / sizeof *blaze_strides; i++) {
        if (fill_blaze(blaze_strides[i], task->image.width, task->image.height, NULL) == count) {
            return blaze_strides[i];
        }
    }
    return NULL;
}

static const eq_priors *priors_of(const eq_task *task, int64_t count) {
    const int32_t width = task->image.width, height = task->image.height;
    return fill_priors(&ultraface, width, height, NULL) == count    ? &ultraface
           : fill_priors(&retinaface, width, height, NULL) == count ? &retinaface
                                                                    : NULL;
}

/* ---- outputs ---- */

static int32_t width_of(const eq_task *task, int32_t output) {
    const eq_tensor_info *info = &task->outputs[output].info;
    return info->rank > 0 ? info->shape[info->rank - 1] : 1;
}

bool eq_find_ssd(const eq_task *task, eq_detector *detector) {
    const eq_reals_out *out = task->outputs;
    if (task->output_count != 4) {
        return false;
    }
    int32_t boxes = -1, count = -1;
    for (int32_t o = 0; o < 4; o++) {
        boxes = boxes < 0 && out[o].info.rank == 3 && width_of(task, o) == CORNERS ? o : boxes;
        count = out[o].elements == 1 ? o : count; /* the last, where each has one element */
    }
    if (boxes < 0 || count < 0) {
        return false;
    }
    int32_t others[2] = {0}, found = 0;
    for (int32_t o = 0; o < 4; o++) {
        if (o != boxes && o != count) {
            if (out[o].elements * CORNERS != out[boxes].elements) {
                return false;
            }
            others[found++] = o;
        }
    }
    /* The operator puts out boxes first, then classes, scores; what TensorFlow 2 exports has them as scores, boxes, count, classes. */
    const bool is_operator = boxes == 0;
    *detector = (eq_detector){
        .boxes = boxes, .scores = others[is_operator], .classes = others[!is_operator], .count = count, .points = -1};
    return true;
}

static bool are_classes(const eq_task *task, int32_t output) {
    const int32_t labels = task->spec.labels.count;
    return labels > 0 && width_of(task, output) == labels + task->spec.has_background;
}

/* Which of two outputs beside the boxes has scores, the other having points; -1: nothing tells. Points are pairs; there is a score for
 * each label; detectors of faces have two, of nothing and of a face. Of the same width scores come first, as the docs have it. */
static int32_t scores_of(const eq_task *task, int32_t first, int32_t second) {
    const int32_t one = width_of(task, first), other = width_of(task, second);
    if (one == other || one % 2 != 0 || other % 2 != 0) {
        return one == other || one % 2 != 0 ? first : second;
    }
    if (are_classes(task, first) != are_classes(task, second)) {
        return are_classes(task, first) ? first : second;
    }
    return one == FACE_SCORES ? first : other == FACE_SCORES ? second : -1;
}

bool eq_find_codes(const eq_task *task, eq_detector *detector) {
    *detector = (eq_detector){.boxes = -1, .scores = -1, .points = -1, .classes = -1, .count = -1};
    const int32_t count = task->output_count;
    if (count != 2 && count != 3) {
        return false;
    }
    int32_t boxes = -1, narrow = 0;
    for (int32_t o = 0; o < count; o++) {
        const eq_tensor_info *info = &task->outputs[o].info;
        if (info->rank != 3 || info->shape[0] != 1 || info->shape[1] != task->outputs[0].info.shape[1]) {
            return false;
        }
        boxes = boxes < 0 && width_of(task, o) == CORNERS ? o : boxes;
        narrow = width_of(task, o) == 1 ? o : narrow;
    }
    if (count == 3) {
        const int32_t first = boxes == 0 ? 1 : 0, second = 3 - boxes - first;
        if (boxes < 0) {
            return false;
        }
        const int32_t scores = scores_of(task, first, second), points = first + second - scores;
        detector->boxes = boxes;
        detector->scores = scores;
        if (scores < 0 || width_of(task, points) % 2 != 0) {
            return false;
        }
        detector->points = points;
        detector->point_count = width_of(task, points) / 2;
        return true;
    }
    boxes = boxes >= 0 ? boxes : width_of(task, narrow) == 1 ? 1 - narrow : 0;
    const int32_t width = width_of(task, boxes);
    detector->boxes = boxes;
    detector->scores = 1 - boxes;
    if (width_of(task, 1 - boxes) == 1 && width > CORNERS && width % 2 == 0) {
        detector->points = boxes;
        detector->point_column = CORNERS;
        detector->point_count = (width - CORNERS) / 2;
    }
    return width >= CORNERS;
}

static int32_t codes_of(const eq_task *task, const eq_detector *detector) {
    return task->outputs[detector->boxes].info.shape[1];
}

bool eq_looks_like_blazeface(const eq_task *task) {
    eq_detector d;
    return eq_find_codes(task, &d) && width_of(task, d.scores) == 1 && width_of(task, d.boxes) % 2 == 0 &&
           blaze_of(task, codes_of(task, &d)) != NULL;
}

bool eq_looks_like_retinaface(const eq_task *task) {
    eq_detector d;
    return eq_find_codes(task, &d) && width_of(task, d.scores) == 2 && width_of(task, d.boxes) == CORNERS &&
           priors_of(task, codes_of(task, &d)) != NULL;
}

eq_blaze_kind eq_blazeface_kind(const eq_task *task) {
    eq_detector d;
    const int32_t columns = eq_find_codes(task, &d) ? width_of(task, d.boxes) : 0;
    return columns == PALM_COLUMNS ? EQ_BLAZE_PALM : columns == PERSON_COLUMNS ? EQ_BLAZE_PERSON : EQ_BLAZE_FACE;
}

bool eq_retinaface_is_ultraface(const eq_task *task) {
    eq_detector d;
    return eq_find_codes(task, &d) && priors_of(task, codes_of(task, &d)) == &ultraface;
}

/* ---- opening ---- */

static void set_scales(eq_detector *detector, const float *scales) {
    for (int32_t i = 0; i < CORNERS; i++) {
        detector->scales[i] = scales[i];
    }
}

static eq_status make_anchors(eq_task *task, eq_error *error) {
    const int64_t count = codes_of(task, &task->detector);
    const int32_t width = task->image.width, height = task->image.height;
    const bool is_blaze = task->spec.decoder == EQ_BLAZEFACE;
    const int32_t *strides = is_blaze ? blaze_of(task, count) : NULL;
    const eq_priors *priors = is_blaze ? NULL : priors_of(task, count);
    if (strides == NULL && priors == NULL) {
        return eq_fail(
            error, EQ_ERROR_ARGUMENT,
            "%d anchors in a picture of %d x %d are none of its 'output.decoder': give 'output.anchors', x, y, width "
            "and height of each",
            (int)count, (int)width, (int)height);
    }
    float *anchors = eq_memory_take(&task->memory, (size_t)count * CORNERS * sizeof *anchors);
    if (anchors == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the anchors");
    }
    if (is_blaze) {
        fill_blaze(strides, width, height, anchors);
    } else {
        fill_priors(priors, width, height, anchors);
    }
    task->detector.anchors = anchors;
    return EQ_OK;
}

eq_status eq_detector_open(eq_task *task, eq_error *error) {
    const eq_spec *spec = &task->spec;
    eq_detector *detector = &task->detector;
    const float usual[CORNERS] = {10, 10, 5, 5}, width = (float)task->image.width, height = (float)task->image.height;
    const float pixels[CORNERS] = {width, height, width, height};
    const bool is_blaze = spec->decoder == EQ_BLAZEFACE;
    set_scales(detector, spec->scales.count == CORNERS ? spec->scales.values : is_blaze ? pixels : usual);
    for (int32_t i = 0; i < CORNERS; i++) {
        if (detector->scales[i] == 0) {
            return eq_fail(error, EQ_ERROR_ARGUMENT, "its 'output.scales' must not be 0");
        }
    }
    detector->is_linear = is_blaze;
    detector->x_at = spec->decoder == EQ_SSD_ANCHORS; /* TensorFlow's order is y, x, height, width */
    detector->anchors = spec->anchors.values;
    return spec->anchors.count > 0 || spec->decoder == EQ_SSD_ANCHORS ? EQ_OK : make_anchors(task, error);
}
