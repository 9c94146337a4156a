/* Whether a detector's outputs have the shapes that its decoder reads (detections.c), and memory for all that they may hold. */
#include "base/error.h"
#include "base/memory.h"
#include "decoders.h"

eq_status eq_decoder_misfit(const char *what, eq_error *error) {
    return eq_fail(error, EQ_ERROR_ARGUMENT, "the model's outputs do not fit its 'output.decoder': %s", what);
}

static eq_status check_grids(const eq_task *task, eq_error *error) {
    if (task->spec.anchors.count != task->output_count * GRID_ANCHORS * 2) {
        return eq_decoder_misfit("'anchors' must be three widths and heights in pixels for each output", error);
    }
    for (int32_t o = 0; o < task->output_count; o++) {
        const eq_tensor_info *info = &task->outputs[o].info;
        const int64_t cells = info->rank >= 4 ? (int64_t)info->shape[1] * info->shape[2] * GRID_ANCHORS : 0;
        if (info->rank < 4 || info->rank > 5 || info->shape[0] != 1 || task->outputs[o].elements % cells != 0 ||
            task->outputs[o].elements / cells < YOLOV5_EXTRA) {
            return eq_decoder_misfit("with anchors, yolov5 has grids (1, height, width, 3 * (5 + classes))", error);
        }
    }
    return EQ_OK;
}

static eq_status check_decoder(eq_task *task, eq_error *error) {
    eq_detector *detector = &task->detector;
    const eq_tensor_info *first = &task->outputs[0].info;
    const int32_t last = first->rank > 0 ? first->shape[first->rank - 1] : 1;
    switch (task->spec.decoder) {
    case EQ_SSD:
        return eq_find_ssd(task, detector)
                   ? EQ_OK
                   : eq_decoder_misfit("ssd has boxes (1, n, 4), classes (1, n), scores (1, n) and a count", error);
    case EQ_SSD_ANCHORS:
    case EQ_BLAZEFACE:
    case EQ_RETINAFACE:
    case EQ_CORNERS:
        return eq_codes_open(task, error);
    case EQ_YOLOV5:
        if (task->spec.anchors.count > 0) {
            return check_grids(task, error);
        }
        return first->rank == 3 && last >= YOLOV5_EXTRA ? EQ_OK : eq_decoder_misfit("yolov5 has (1, n, 5 + classes)", error);
    case EQ_YOLOX:
        return first->rank == 3 && last >= YOLOV5_EXTRA && eq_are_yolox_cells(task, first->shape[1])
                   ? EQ_OK
                   : eq_decoder_misfit("yolox has (1, n, 5 + classes) for the n cells of strides 8, 16 and 32", error);
    case EQ_YOLOV8:
        return first->rank == 3 && first->shape[1] > CORNERS ? EQ_OK
                                                             : eq_decoder_misfit("yolov8 has (1, 4 + classes, n)", error);
    default:
        return first->rank == 3 && last == YOLOV10_COLUMNS ? EQ_OK : eq_decoder_misfit("yolov10 has (1, n, 6)", error);
    }
}

static int64_t candidates(const eq_task *task) {
    const eq_reals_out *out = &task->outputs[task->detector.boxes];
    const eq_tensor_info *info = &out->info;
    const int32_t last = info->rank > 0 ? info->shape[info->rank - 1] : 1;
    int64_t count = 0;
    switch (task->spec.decoder) {
    case EQ_SSD:
        return task->outputs[task->detector.classes].elements;
    case EQ_YOLOV8:
        return last;
    case EQ_YOLOV5:
        for (int32_t o = 0; task->spec.anchors.count > 0 && o < task->output_count; o++) {
            count += (int64_t)task->outputs[o].info.shape[1] * task->outputs[o].info.shape[2] * GRID_ANCHORS;
        }
        return count > 0 ? count : out->elements / last;
    default:
        return out->elements / last;
    }
}

eq_status eq_detections_open(eq_task *task, eq_error *error) {
    if (task->spec.input != EQ_TASK_IMAGE) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its output is detections, which are in pictures, and its input is none");
    }
    task->detector = (eq_detector){.points = -1};
    const eq_status status = check_decoder(task, error);
    if (status != EQ_OK) {
        return status;
    }
    task->scores = eq_memory_take(&task->memory, (size_t)candidates(task) * sizeof *task->scores);
    task->classes = eq_memory_take(&task->memory, (size_t)candidates(task) * sizeof *task->classes);
    if (task->scores == NULL || task->classes == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the detections");
    }
    return eq_boxes_make(&task->boxes, (int32_t)candidates(task), &task->memory, error);
}
