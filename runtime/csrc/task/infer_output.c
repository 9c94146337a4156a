/* What an answer is, where task.json does not say: from the shapes of the model's outputs. */
#include "task.h"

enum { CLASSES_TOP = 5, DETECTIONS_TOP = 100, EMBEDDING_LEAST = 64, EMBEDDING_STEP = 32 };

static int32_t last_of(const eq_tensor_info *info) {
    return info->rank > 0 ? info->shape[info->rank - 1] : 1;
}

static bool looks_like_ssd(const eq_task *task) {
    eq_detector detector;
    return eq_find_ssd(task, &detector);
}

static bool looks_like_a_picture(const eq_task *task) {
    const eq_tensor_info *info = &task->outputs[0].info;
    return task->spec.input == EQ_TASK_IMAGE && task->output_count == 1 && (info->rank == 3 || info->rank == 4) &&
           info->shape[1] >= 16 && info->shape[2] >= 16 && task->spec.labels.count < info->shape[1];
}

/* Scores of which not all lie between 0 and 1 need an activation: quantized ones say so, float ones do not. */
static int32_t infer_activation(const eq_task *task) {
    const eq_tensor_info *info = &task->outputs[0].info;
    if (info->scale == 0 || info->type == EQ_INT16) {
        return EQ_NO_ACTIVATION;
    }
    const int32_t least = info->type == EQ_INT8 ? INT8_MIN : 0;
    const float low = info->scale * (float)(least - info->zero_point), high = low + info->scale * 255;
    return low > -0.1f && high < 1.1f ? EQ_NO_ACTIVATION : last_of(info) == 1 ? EQ_SIGMOID : EQ_SOFTMAX;
}

/* Of classes somebody would have given the names, and their number is seldom a multiple of 32, as that of features is. */
static bool looks_like_an_embedding(const eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    const bool is_score = out->info.scale > 0 && out->info.type != EQ_INT16 && infer_activation(task) == EQ_NO_ACTIVATION;
    return task->spec.input != EQ_TASK_VECTOR && task->output_count == 1 && task->spec.labels.count == 0 && !is_score &&
           out->elements >= EMBEDDING_LEAST && out->elements % EMBEDDING_STEP == 0 && out->elements == last_of(&out->info);
}

static int32_t infer_kind(const eq_task *task) {
    const eq_tensor_info *info = &task->outputs[0].info;
    const bool is_same = task->outputs[0].elements == eq_elements(&task->encoder.info);
    if (looks_like_ssd(task)) {
        return EQ_TASK_DETECTIONS;
    }
    if (task->spec.input == EQ_TASK_IMAGE && (eq_looks_like_blazeface(task) || eq_looks_like_retinaface(task))) {
        return EQ_TASK_DETECTIONS;
    }
    if (task->output_count == 1 && task->spec.input == EQ_TASK_IMAGE && info->rank == 3 && task->outputs[0].elements > 6 * 64 &&
        (last_of(info) == 6 || info->shape[1] > 4 * last_of(info) || last_of(info) > 4 * info->shape[1])) {
        return EQ_TASK_DETECTIONS; /* a YOLO head */
    }
    if (task->spec.input == EQ_TASK_VECTOR && is_same && task->output_count == 1) {
        return EQ_TASK_ANOMALY;
    }
    return looks_like_a_picture(task)      ? EQ_TASK_SEGMENTATION
           : looks_like_an_embedding(task) ? EQ_TASK_EMBEDDING
                                           : EQ_TASK_CLASSES;
}

/* With as many labels as there are classes: other heads have as many candidates, and a column less. */
static bool looks_like_yolox(const eq_task *task) {
    const eq_tensor_info *info = &task->outputs[0].info;
    const int32_t classes = last_of(info) - 5, labels = task->spec.labels.count;
    return info->rank == 3 && classes > 0 && (labels == 0 || labels == classes) && eq_are_yolox_cells(task, info->shape[1]);
}

static int32_t infer_decoder(const eq_task *task) {
    const eq_tensor_info *info = &task->outputs[0].info;
    if (looks_like_ssd(task)) {
        return EQ_SSD;
    }
    if (eq_looks_like_blazeface(task)) {
        return EQ_BLAZEFACE;
    }
    if (task->spec.anchors.count == 0 && eq_looks_like_retinaface(task)) {
        return EQ_RETINAFACE;
    }
    if (task->spec.anchors.count > 0) {
        return task->output_count == 2 && info->rank == 3 ? EQ_SSD_ANCHORS : EQ_YOLOV5;
    }
    if (looks_like_yolox(task)) {
        return EQ_YOLOX;
    }
    return info->rank != 3 || last_of(info) == 6 ? EQ_YOLOV10 : last_of(info) < info->shape[1] ? EQ_YOLOV5 : EQ_YOLOV8;
}

/* What these detectors find, where there is no name for it. */
static eq_status name_found(eq_task *task, eq_error *error) {
    const bool is_blaze = task->spec.decoder == EQ_BLAZEFACE;
    if (task->spec.labels.count > 0 || (!is_blaze && task->spec.decoder != EQ_RETINAFACE)) {
        return EQ_OK;
    }
    const char **names = eq_memory_take(&task->memory, sizeof *names);
    if (names == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the labels");
    }
    const eq_blaze_kind kind = is_blaze ? eq_blazeface_kind(task) : EQ_BLAZE_FACE;
    names[0] = kind == EQ_BLAZE_PALM ? "palm" : kind == EQ_BLAZE_PERSON ? "person" : "face";
    task->spec.labels = (eq_names){names, 1};
    return EQ_OK;
}

/* One label of a mask with one channel is the name of what is 1 in it. */
static eq_status name_background(eq_task *task, eq_error *error) {
    const eq_tensor_info *info = &task->outputs[0].info;
    if (task->spec.labels.count != 1 || info->rank != 4 || info->shape[3] != 1) {
        return EQ_OK;
    }
    const char **names = eq_memory_take(&task->memory, 2 * sizeof *names);
    if (names == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the labels");
    }
    names[0] = "background";
    names[1] = task->spec.labels.names[0];
    task->spec.labels = (eq_names){names, 2};
    return EQ_OK;
}

static void infer_numbers(eq_spec *spec) {
    const bool is_detection = spec->output == EQ_TASK_DETECTIONS;
    const bool is_of_faces = is_detection && (spec->decoder == EQ_BLAZEFACE || spec->decoder == EQ_RETINAFACE);
    spec->top = spec->top > 0 ? spec->top : is_detection ? DETECTIONS_TOP : CLASSES_TOP;
    if (spec->least_score < 0) {
        spec->least_score = is_of_faces ? 0.5f : is_detection ? 0.25f : spec->output == EQ_TASK_SEGMENTATION ? 0.5f : 0;
    }
    spec->most_overlap = spec->most_overlap >= 0 ? spec->most_overlap : is_of_faces ? 0.3f : 0.45f;
    const bool tell_themselves = is_detection && ((spec->decoder == EQ_YOLOV5 && spec->anchors.count == 0) ||
                                                  spec->decoder == EQ_YOLOV8 || spec->decoder == EQ_CORNERS);
    const bool is_yolox = is_detection && spec->decoder == EQ_YOLOX;
    spec->units = spec->units != EQ_UNSAID || tell_themselves ? spec->units : is_yolox ? EQ_PIXELS : EQ_UNIT;
    spec->measure = spec->measure != EQ_UNSAID ? spec->measure : EQ_RECONSTRUCTION;
}

eq_status eq_infer_output(eq_task *task, eq_error *error) {
    eq_spec *spec = &task->spec;
    spec->output = spec->output != EQ_UNSAID ? spec->output : infer_kind(task);
    if (spec->output == EQ_TASK_DETECTIONS) {
        spec->decoder = spec->decoder != EQ_UNSAID ? spec->decoder : infer_decoder(task);
        const bool is_raw = spec->decoder == EQ_SSD_ANCHORS || spec->decoder == EQ_BLAZEFACE ||
                            (spec->decoder == EQ_YOLOV5 && spec->anchors.count > 0);
        spec->activation = spec->activation != EQ_UNSAID ? spec->activation : is_raw ? EQ_SIGMOID : EQ_NO_ACTIVATION;
        spec->has_background |= spec->decoder == EQ_RETINAFACE;
    } else if (spec->activation == EQ_UNSAID) {
        spec->activation = infer_activation(task);
    }
    if (spec->points == EQ_UNSAID) {
        const eq_tensor_info *info = &task->outputs[0].info;
        const bool is_map = info->rank == 4 && info->shape[1] > 4 && info->shape[2] > 4;
        spec->points = is_map ? EQ_HEATMAP : EQ_YXS;
    }
    infer_numbers(spec);
    return spec->output == EQ_TASK_SEGMENTATION ? name_background(task, error)
           : spec->output == EQ_TASK_DETECTIONS ? name_found(task, error)
                                                : EQ_OK;
}
