/* The model's outputs as an answer. */
#include <math.h>
#include <string.h>

#include "arithmetic/functions_f32.h"
#include "task.h"

const char *eq_label_of(const eq_task *task, int32_t index) {
    const eq_names *labels = &task->spec.labels;
    return index >= 0 && index < labels->count ? labels->names[index] : NULL;
}

void eq_answer_add(eq_task *task, int32_t index, float score) {
    if (task->answer.count < task->item_room) {
        task->items[task->answer.count++] = (eq_answer_item){.index = index, .label = eq_label_of(task, index), .score = score};
    }
}

void eq_activate_scores(int32_t activation, float *scores, int32_t count) {
    if (activation == EQ_SIGMOID) {
        for (int32_t i = 0; i < count; i++) {
            scores[i] = eq_logistic_f32(scores[i]);
        }
    }
    if (activation != EQ_SOFTMAX) {
        return;
    }
    float largest = scores[0];
    for (int32_t i = 1; i < count; i++) {
        largest = scores[i] > largest ? scores[i] : largest;
    }
    double sum = 0;
    for (int32_t i = 0; i < count; i++) {
        scores[i] = eq_exp_f32(scores[i] - largest);
        sum += (double)scores[i];
    }
    for (int32_t i = 0; i < count; i++) {
        scores[i] = (float)((double)scores[i] / sum);
    }
}

/* Of equal scores the first comes first; what is not a number is left out. */
void eq_rank(eq_task *task, const float *scores, int32_t count, float least) {
    eq_answer_item *items = task->items;
    for (int32_t i = 0; i < count; i++) {
        if (!(scores[i] >= least)) {
            continue;
        }
        int32_t place = task->answer.count;
        while (place > 0 && scores[i] > items[place - 1].score) {
            place--;
        }
        if (place == task->item_room) {
            continue;
        }
        task->answer.count += task->answer.count < task->item_room;
        memmove(items + place + 1, items + place, (size_t)(task->answer.count - place - 1) * sizeof *items);
        items[place] = (eq_answer_item){.index = i, .label = eq_label_of(task, i), .score = scores[i]};
    }
}

/* ---- classes ---- */

static void answer_classes(eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    eq_activate_scores(task->spec.activation, out->values, (int32_t)out->elements);
    eq_rank(task, out->values, (int32_t)out->elements, task->spec.least_score);
}

/* ---- segmentation: (1, height, width, classes), (1, height, width, 1), or classes themselves as (1, height, width) ---- */

static int32_t class_of(eq_task *task, const float *pixel, int32_t classes) {
    if (classes > 1) {
        int32_t best = 0;
        for (int32_t c = 1; c < classes; c++) {
            best = pixel[c] > pixel[best] ? c : best;
        }
        return best;
    }
    const bool is_integer = task->outputs[0].info.scale == 0 && task->outputs[0].info.type != EQ_FLOAT32 &&
                            task->outputs[0].info.type != EQ_FLOAT16;
    if (is_integer) {
        return *pixel >= 0 && *pixel <= UINT8_MAX ? (int32_t)*pixel : 0;
    }
    const float score = task->spec.activation == EQ_SIGMOID ? eq_logistic_f32(*pixel) : *pixel;
    return score >= task->spec.least_score;
}

static void answer_segmentation(eq_task *task) {
    const int32_t width = task->answer.mask_width, height = task->answer.mask_height, pixels = width * height;
    const int32_t classes = (int32_t)(task->outputs[0].elements / pixels);
    int32_t counts[UINT8_MAX + 1] = {0};
    float shares[UINT8_MAX + 1];
    for (int32_t i = 0; i < pixels; i++) {
        task->mask[i] = (uint8_t)class_of(task, task->outputs[0].values + (ptrdiff_t)i * classes, classes);
        counts[task->mask[i]]++;
    }
    for (int32_t c = 0; c <= UINT8_MAX; c++) {
        shares[c] = counts[c] > 0 ? (float)counts[c] / (float)pixels : -1;
    }
    eq_rank(task, shares, UINT8_MAX + 1, 0);
    const eq_geometry *g = &task->geometry;
    task->answer.mask_left = g->origin[0];
    task->answer.mask_top = g->origin[1];
    task->answer.mask_right = (float)task->image.width * g->scale[0] + g->origin[0];
    task->answer.mask_bottom = (float)task->image.height * g->scale[1] + g->origin[1];
}

static eq_status open_segmentation(eq_task *task, eq_error *error) {
    const eq_tensor_info *info = &task->outputs[0].info;
    const bool is_map = (info->rank == 4 || info->rank == 3) && info->shape[0] == 1;
    if (!is_map || task->spec.input != EQ_TASK_IMAGE || (info->rank == 4 && info->shape[3] > UINT8_MAX)) {
        return eq_fail(
            error, EQ_ERROR_ARGUMENT,
            "its output is a segmentation, which is (1, height, width, classes to 255) or (1, height, width), of a picture");
    }
    task->answer.mask_height = info->shape[1];
    task->answer.mask_width = info->shape[2];
    task->answer.mask = task->mask = eq_memory_take(&task->memory, (size_t)info->shape[1] * (size_t)info->shape[2]);
    return task->mask != NULL ? EQ_OK : eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the mask");
}

/* ---- keypoints ---- */

static void answer_point(eq_task *task, int32_t index, float x, float y, float score) {
    const eq_geometry *g = &task->geometry;
    const int32_t before = task->answer.count;
    eq_answer_add(task, index, score);
    if (task->answer.count > before) {
        task->items[before].left = x * g->scale[0] + g->origin[0];
        task->items[before].top = y * g->scale[1] + g->origin[1];
        task->items[before].right = task->items[before].left;
        task->items[before].bottom = task->items[before].top;
    }
}

/* The highest cell of each point's map, moved a quarter of a cell to the higher neighbour. */
static void answer_heatmaps(eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    const int32_t height = out->info.shape[1], width = out->info.shape[2], points = out->info.shape[3];
    const float cell_x = (float)task->image.width / (float)width, cell_y = (float)task->image.height / (float)height;
    for (int32_t p = 0; p < points; p++) {
        const float *map = out->values + p;
        int32_t best = 0;
        for (int32_t i = 1; i < height * width; i++) {
            best = map[(ptrdiff_t)i * points] > map[(ptrdiff_t)best * points] ? i : best;
        }
        const int32_t x = best % width, y = best / width;
        float shift_x = 0, shift_y = 0;
        if (x > 0 && x < width - 1) {
            const float rise = map[(ptrdiff_t)(best + 1) * points] - map[(ptrdiff_t)(best - 1) * points];
            shift_x = rise > 0 ? 0.25f : rise < 0 ? -0.25f : 0;
        }
        if (y > 0 && y < height - 1) {
            const float rise = map[(ptrdiff_t)(best + width) * points] - map[(ptrdiff_t)(best - width) * points];
            shift_y = rise > 0 ? 0.25f : rise < 0 ? -0.25f : 0;
        }
        answer_point(task, p, ((float)x + 0.5f + shift_x) * cell_x, ((float)y + 0.5f + shift_y) * cell_y,
                     map[(ptrdiff_t)best * points]);
    }
}

static void answer_keypoints(eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    const bool is_unit = task->spec.units == EQ_UNIT;
    const float width = is_unit ? (float)task->image.width : 1, height = is_unit ? (float)task->image.height : 1;
    if (task->spec.points == EQ_HEATMAP) {
        answer_heatmaps(task);
        return;
    }
    for (int32_t i = 0; i < (int32_t)(out->elements / 3); i++) {
        const float *point = out->values + 3 * i;
        if (task->spec.points == EQ_YXS) {
            answer_point(task, i, point[1] * width, point[0] * height, point[2]);
        } else {
            answer_point(task, i, point[0] * width, point[1] * height, 1);
        }
    }
}

static eq_status open_keypoints(const eq_task *task, eq_error *error) {
    const eq_reals_out *out = &task->outputs[0];
    const bool is_map = out->info.rank == 4 && out->info.shape[0] == 1;
    if (task->spec.input != EQ_TASK_IMAGE || (task->spec.points == EQ_HEATMAP ? !is_map : out->elements % 3 != 0)) {
        return eq_fail(
            error, EQ_ERROR_ARGUMENT,
            "its output is keypoints, which are three numbers each or maps (1, height, width, points), of a picture");
    }
    return EQ_OK;
}

/* ---- embeddings ---- */

/* Of length 1; then 1 - cosine of the angle to each reference. */
static void answer_embedding(eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    const eq_references *references = &task->spec.references;
    const int32_t width = (int32_t)out->elements;
    double square = 0;
    for (int32_t i = 0; i < width; i++) {
        square += (double)out->values[i] * (double)out->values[i];
    }
    const double length = sqrt(square);
    for (int32_t i = 0; i < width; i++) {
        task->scores[i] = length > 0 ? (float)((double)out->values[i] / length) : 0;
    }
    for (int32_t r = 0; r < references->names.count; r++) {
        const float *reference = references->values + (ptrdiff_t)r * width;
        double product = 0, norm = 0;
        for (int32_t i = 0; i < width; i++) {
            product += (double)task->scores[i] * (double)reference[i];
            norm += (double)reference[i] * (double)reference[i];
        }
        const float distance = (float)(1 - (norm > 0 ? product / sqrt(norm) : 0));
        int32_t place = task->answer.count;
        while (place > 0 && distance < task->items[place - 1].score) {
            place--;
        }
        if (place < task->item_room) {
            task->answer.count += task->answer.count < task->item_room;
            memmove(task->items + place + 1, task->items + place,
                    (size_t)(task->answer.count - place - 1) * sizeof *task->items);
            task->items[place] = (eq_answer_item){.index = r, .label = references->names.names[r], .score = distance};
        }
    }
}

static eq_status open_embedding(eq_task *task, eq_error *error) {
    const int64_t width = task->outputs[0].elements;
    if (task->spec.references.names.count > 0 && task->spec.references.width != width) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its references have %d values, and the model's embedding has %lld",
                       (int)task->spec.references.width, (long long)width);
    }
    task->scores = eq_memory_take(&task->memory, (size_t)width * sizeof *task->scores);
    task->answer.values = task->scores;
    task->answer.value_count = (int32_t)width;
    return task->scores != NULL ? EQ_OK : eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the embedding");
}

/* ---- anomaly ---- */

static void answer_anomaly(eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    float score = out->values[0];
    if (task->spec.measure == EQ_RECONSTRUCTION) {
        double sum = 0;
        for (int64_t i = 0; i < out->elements; i++) {
            const double difference = (double)out->values[i] - (double)task->input_values[i];
            sum += difference * difference;
        }
        score = (float)(sum / (double)out->elements);
    }
    eq_answer_add(task, 0, score);
    task->answer.is_anomaly = score >= task->spec.threshold; /* without a threshold, which is then not a number, never */
    task->answer.threshold = task->spec.threshold;
}

static eq_status open_anomaly(eq_task *task, eq_error *error) {
    const int64_t elements = eq_elements(&task->encoder.info);
    if (task->spec.measure != EQ_RECONSTRUCTION) {
        return EQ_OK;
    }
    if (task->outputs[0].elements != elements) {
        return eq_fail(
            error, EQ_ERROR_ARGUMENT,
            "its anomaly is the error of a reconstruction, and the model's output has %lld values where its input has %lld",
            (long long)task->outputs[0].elements, (long long)elements);
    }
    task->input_values = eq_memory_take(&task->memory, (size_t)elements * sizeof *task->input_values);
    return task->input_values != NULL ? EQ_OK : eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the input");
}

/* ---- all kinds ---- */

static eq_status open_kind(eq_task *task, eq_error *error) {
    switch (task->spec.output) {
    case EQ_TASK_DETECTIONS:
        return eq_detections_open(task, error);
    case EQ_TASK_SEGMENTATION:
        return open_segmentation(task, error);
    case EQ_TASK_KEYPOINTS:
        return open_keypoints(task, error);
    case EQ_TASK_EMBEDDING:
        return open_embedding(task, error);
    case EQ_TASK_ANOMALY:
        return open_anomaly(task, error);
    default:
        return EQ_OK;
    }
}

static int32_t items_of(const eq_task *task) {
    const eq_reals_out *out = &task->outputs[0];
    if (task->spec.output != EQ_TASK_KEYPOINTS) {
        return task->spec.top;
    }
    const int64_t points = task->spec.points == EQ_HEATMAP ? out->info.shape[3] : out->elements / 3;
    return points < EQ_ITEMS_MOST ? (int32_t)points : EQ_ITEMS_MOST;
}

eq_status eq_output_open(eq_task *task, eq_error *error) {
    task->answer.kind = task->spec.output;
    for (int32_t i = 0; i < task->output_count; i++) {
        if (task->outputs[i].elements < 1) {
            return eq_fail(error, EQ_ERROR_ARGUMENT, "the model's output '%s' is empty", task->outputs[i].info.name);
        }
    }
    const eq_status status = open_kind(task, error);
    if (status != EQ_OK) {
        return status;
    }
    task->item_room = items_of(task);
    task->items = eq_memory_take(&task->memory, (size_t)(task->item_room + 1) * sizeof *task->items);
    task->answer.items = task->items;
    return task->items != NULL ? EQ_OK : eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the answer");
}

void eq_output_answer(eq_task *task) {
    static void (*const answers[])(eq_task *task) = {answer_classes,   eq_detections_answer, answer_segmentation,
                                                     answer_keypoints, answer_embedding,     answer_anomaly};
    task->answer.count = 0;
    answers[task->spec.output](task);
}
