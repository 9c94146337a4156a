/* Tasks and answers as JSON. docs/task.md describes both. */
#include <math.h>

#include "json_write.h"
#include "task.h"

/* ---- tasks ---- */

static void put_choice(eq_json_text *json, const char *key, const char *const *words, int32_t choice) {
    if (choice != EQ_UNSAID) {
        eq_json_put_string(json, key, words[choice]);
    }
}

static void put_numbers(eq_json_text *json, const char *key, const eq_numbers *numbers) {
    if (numbers->count == 1) {
        eq_json_put_number(json, key, (double)numbers->values[0]);
    } else if (numbers->count > 1) {
        eq_json_open(json, key, '[');
        for (int32_t i = 0; i < numbers->count; i++) {
            eq_json_put_number(json, NULL, (double)numbers->values[i]);
        }
        eq_json_close(json, ']');
    }
}

static void put_names(eq_json_text *json, const char *key, const eq_names *names) {
    if (names->count == 0) {
        return;
    }
    eq_json_open(json, key, '[');
    for (int32_t i = 0; i < names->count; i++) {
        eq_json_put_string(json, NULL, names->names[i]);
    }
    eq_json_close(json, ']');
}

static void put_image(eq_json_text *json, const eq_image_input *image) {
    static const char *const fits[] = {"stretch", "crop", "letterbox"}, *const colours[] = {"rgb", "bgr", "grey"};
    static const char *const layouts[] = {"nhwc", "nchw"};
    eq_json_put_number(json, "width", image->width);
    eq_json_put_number(json, "height", image->height);
    put_choice(json, "fit", fits, image->fit);
    if (image->fit == EQ_FIT_LETTERBOX) {
        eq_json_put_number(json, "fill", image->fill);
    }
    put_choice(json, "colour", colours, image->colour);
    put_choice(json, "layout", layouts, image->layout);
}

static void put_audio(eq_json_text *json, const eq_audio_input *audio) {
    static const char *const features[] = {"waveform", "log_mel", "mfcc", "micro_frontend"};
    static const char *const mels[] = {"slaney", "htk", "tensorflow"}, *const logs[] = {"db", "ln", "none"};
    eq_json_put_number(json, "rate", audio->rate);
    put_choice(json, "features", features, audio->features);
    eq_json_put_number(json, "hop", audio->hop);
    if (audio->features == EQ_WAVEFORM) {
        return;
    }
    eq_json_put_number(json, "window", audio->window);
    eq_json_put_number(json, "fft", audio->fft);
    eq_json_put_number(json, "bands", audio->bands);
    eq_json_put_number(json, "low_hz", (double)audio->low_hz);
    eq_json_put_number(json, "high_hz", (double)audio->high_hz);
    if (audio->features == EQ_MICRO_FRONTEND) {
        return;
    }
    put_choice(json, "mel", mels, audio->mel);
    eq_json_put_string(json, "norm", audio->is_area_normal ? "slaney" : "none");
    eq_json_put_number(json, "power", audio->power);
    put_choice(json, "log", logs, audio->log);
    eq_json_put_number(json, "floor", (double)audio->floor);
    if (audio->features == EQ_MFCC) {
        eq_json_put_number(json, "coefficients", audio->coefficients);
    }
}

static void put_input(eq_json_text *json, const eq_spec *spec) {
    static const char *const kinds[] = {"image", "audio", "vector"};
    eq_json_open(json, "input", '{');
    put_choice(json, "kind", kinds, spec->input);
    if (spec->input == EQ_TASK_IMAGE) {
        put_image(json, &spec->image);
    } else {
        if (spec->input == EQ_TASK_AUDIO) {
            put_audio(json, &spec->audio);
        }
        put_names(json, "columns", &spec->columns);
        eq_json_put_number(json, "step", spec->step);
    }
    put_numbers(json, "mean", &spec->normal.mean);
    put_numbers(json, "std", &spec->normal.std);
    eq_json_close(json, '}');
}

static void put_detections(eq_json_text *json, const eq_spec *spec) {
    static const char *const decoders[] = {"ssd",       "ssd_anchors", "yolov5",  "yolov8", "yolov10",
                                           "blazeface", "retinaface",  "corners", "yolox"};
    static const char *const units[] = {"unit", "pixels"};
    put_choice(json, "decoder", decoders, spec->decoder);
    put_choice(json, "units", units, spec->units);
    eq_json_put_number(json, "most_overlap", (double)spec->most_overlap);
    eq_json_put_bool(json, "class_agnostic", spec->is_agnostic);
    if (spec->decoder == EQ_SSD_ANCHORS || spec->decoder == EQ_CORNERS) {
        eq_json_put_bool(json, "background", spec->has_background);
    }
    put_numbers(json, "scales", &spec->scales);
    put_numbers(json, "anchors", &spec->anchors);
}

static void put_references(eq_json_text *json, const eq_references *references) {
    if (references->names.count == 0) {
        return;
    }
    eq_json_open(json, "references", '[');
    for (int32_t i = 0; i < references->names.count; i++) {
        const eq_numbers row = {references->values + (ptrdiff_t)i * references->width, references->width};
        eq_json_open(json, NULL, '{');
        eq_json_put_string(json, "label", references->names.names[i]);
        put_numbers(json, "values", &row);
        eq_json_close(json, '}');
    }
    eq_json_close(json, ']');
}

static void put_output(eq_json_text *json, const eq_spec *spec) {
    static const char *const kinds[] = {"classes", "detections", "segmentation", "keypoints", "embedding", "anomaly"};
    static const char *const activations[] = {"none", "softmax", "sigmoid"}, *const points[] = {"yxs", "xyz", "heatmap"};
    static const char *const units[] = {"unit", "pixels"}, *const measures[] = {"reconstruction", "value"};
    const bool has_scores =
        spec->output == EQ_TASK_CLASSES || spec->output == EQ_TASK_DETECTIONS || spec->output == EQ_TASK_SEGMENTATION;
    eq_json_open(json, "output", '{');
    put_choice(json, "kind", kinds, spec->output);
    if (has_scores) {
        put_choice(json, "activation", activations, spec->activation);
        eq_json_put_number(json, "least_score", (double)spec->least_score);
    }
    eq_json_put_number(json, "top", spec->top);
    if (spec->output == EQ_TASK_DETECTIONS) {
        put_detections(json, spec);
    } else if (spec->output == EQ_TASK_KEYPOINTS) {
        put_choice(json, "points", points, spec->points);
        put_choice(json, "units", units, spec->units);
    } else if (spec->output == EQ_TASK_EMBEDDING) {
        put_references(json, &spec->references);
    } else if (spec->output == EQ_TASK_ANOMALY) {
        put_choice(json, "measure", measures, spec->measure);
        if (!isnan(spec->threshold)) {
            eq_json_put_number(json, "threshold", (double)spec->threshold);
        }
    }
    put_names(json, "labels", &spec->labels);
    eq_json_close(json, '}');
}

size_t eq_task_json(const eq_task *task, char *text, size_t capacity) {
    eq_json_text json = {.text = text, .capacity = capacity};
    eq_json_open(&json, NULL, '{');
    eq_json_put_number(&json, "task", EQ_TASK_VERSION);
    put_input(&json, &task->spec);
    put_output(&json, &task->spec);
    eq_json_close(&json, '}');
    return eq_json_end(&json);
}

/* ---- answers ---- */

static void put_corners(eq_json_text *json, const char *key, float left, float top, float right, float bottom) {
    const float corners[] = {left, top, right, bottom};
    eq_json_open(json, key, '[');
    for (int32_t i = 0; i < 4; i++) {
        eq_json_put_number(json, NULL, (double)corners[i]);
    }
    eq_json_close(json, ']');
}

/* [[x, y], ...] */
static void put_points(eq_json_text *json, const eq_point *points, int32_t count) {
    eq_json_open(json, "points", '[');
    for (int32_t i = 0; i < count; i++) {
        eq_json_open(json, NULL, '[');
        eq_json_put_number(json, NULL, (double)points[i].x);
        eq_json_put_number(json, NULL, (double)points[i].y);
        eq_json_close(json, ']');
    }
    eq_json_close(json, ']');
}

static void put_item(eq_json_text *json, const eq_answer *answer, int32_t place) {
    const eq_answer_item *item = &answer->items[place];
    const int32_t kind = answer->kind;
    eq_json_open(json, NULL, '{');
    eq_json_put_number(json, "index", item->index);
    eq_json_put_string(json, "label", item->label);
    eq_json_put_number(json,
                       kind == EQ_TASK_EMBEDDING      ? "distance"
                       : kind == EQ_TASK_SEGMENTATION ? "share"
                                                      : "score",
                       (double)item->score);
    if (kind == EQ_TASK_DETECTIONS) {
        put_corners(json, "box", item->left, item->top, item->right, item->bottom);
        if (answer->points != NULL) {
            put_points(json, answer->points + (ptrdiff_t)place * answer->points_each, answer->points_each);
        }
    } else if (kind == EQ_TASK_KEYPOINTS) {
        eq_json_put_number(json, "x", (double)item->left);
        eq_json_put_number(json, "y", (double)item->top);
    }
    eq_json_close(json, '}');
}

/* Pairs of a class and how many pixels in a row have it, row by row. */
static void put_mask(eq_json_text *json, const eq_answer *answer) {
    const size_t pixels = (size_t)answer->mask_width * (size_t)answer->mask_height;
    eq_json_open(json, "mask", '{');
    eq_json_put_number(json, "width", answer->mask_width);
    eq_json_put_number(json, "height", answer->mask_height);
    put_corners(json, "covers", answer->mask_left, answer->mask_top, answer->mask_right, answer->mask_bottom);
    eq_json_open(json, "runs", '[');
    for (size_t i = 0; i < pixels;) {
        const size_t begin = i;
        while (i < pixels && answer->mask[i] == answer->mask[begin]) {
            i++;
        }
        eq_json_put_number(json, NULL, answer->mask[begin]);
        eq_json_put_number(json, NULL, (double)(i - begin));
    }
    eq_json_close(json, ']');
    eq_json_close(json, '}');
}

size_t eq_answer_json(const eq_answer *answer, char *text, size_t capacity) {
    static const char *const lists[] = {"classes", "detections", "classes", "keypoints", "nearest"};
    eq_json_text json = {.text = text, .capacity = capacity};
    eq_json_open(&json, NULL, '{');
    if (answer->kind == EQ_TASK_ANOMALY) {
        eq_json_put_number(&json, "score", (double)answer->items[0].score);
        eq_json_put_number(&json, "threshold", (double)answer->threshold);
        eq_json_put_bool(&json, "is_anomaly", answer->is_anomaly);
    } else {
        eq_json_open(&json, lists[answer->kind], '[');
        for (int32_t i = 0; i < answer->count; i++) {
            put_item(&json, answer, i);
        }
        eq_json_close(&json, ']');
    }
    if (answer->kind == EQ_TASK_SEGMENTATION) {
        put_mask(&json, answer);
    } else if (answer->kind == EQ_TASK_EMBEDDING) {
        const eq_numbers values = {answer->values, answer->value_count};
        put_numbers(&json, "values", &values);
    }
    eq_json_close(&json, '}');
    return eq_json_end(&json);
}
