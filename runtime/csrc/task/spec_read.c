/* task.json: every key with its type and range, and a sentence for what is wrong. docs/task.md has them all. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "json_read.h"
#include "task.h"

enum { KEYS_MOST = 48, NUMBERS_MOST = 1 << 20 };

/* An object that is being read, and which keys were asked for. */
typedef struct fields {
    const eq_json *json;
    eq_memory_block **memory;
    int32_t object;
    const char *path; /* "input." */
    const char *known[KEYS_MOST];
    int32_t known_count;
    eq_status status;
    eq_error *error;
} fields;

__attribute__((format(printf, 3, 4))) static void complain(fields *f, const char *key, const char *format, ...);

static void complain(fields *f, const char *key, const char *format, ...) {
    char what[160];
    if (f->status != EQ_OK) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    f->status = eq_fail(f->error, EQ_ERROR_ARGUMENT, "its '%s%s' %s", f->path, key, what);
}

static void without_memory(fields *f) {
    f->status = eq_fail(f->error, EQ_ERROR_MEMORY, "there is no memory for it");
}

/* The value of a key, or -1; null is as good as nothing. */
static int32_t find(fields *f, const char *key) {
    f->known[f->known_count++] = key;
    const int32_t value = f->status == EQ_OK && f->object >= 0 ? eq_json_member(f->json, f->object, key) : -1;
    return value >= 0 && f->json->values[value].kind != EQ_JSON_NULL ? value : -1;
}

static eq_json_kind kind_of(const fields *f, int32_t value) {
    return (eq_json_kind)f->json->values[value].kind;
}

static void read_float(fields *f, const char *key, double least, double most, float *to) {
    const int32_t value = find(f, key);
    if (value < 0) {
        return;
    }
    const double number = kind_of(f, value) == EQ_JSON_NUMBER ? eq_json_number(f->json, value) : NAN;
    if (!(number >= least && number <= most)) {
        complain(f, key, "must be a number from %g to %g", least, most);
        return;
    }
    *to = (float)number;
}

static void read_int(fields *f, const char *key, int32_t least, int32_t most, int32_t *to) {
    const int32_t value = find(f, key);
    if (value < 0) {
        return;
    }
    const double number = kind_of(f, value) == EQ_JSON_NUMBER ? eq_json_number(f->json, value) : NAN;
    if (!(number >= least && number <= most && number == floor(number))) {
        complain(f, key, "must be a whole number from %d to %d", (int)least, (int)most);
        return;
    }
    *to = (int32_t)number;
}

static void read_bool(fields *f, const char *key, bool *to) {
    const int32_t value = find(f, key);
    if (value < 0) {
        return;
    }
    if (kind_of(f, value) != EQ_JSON_TRUE && kind_of(f, value) != EQ_JSON_FALSE) {
        complain(f, key, "must be true or false");
        return;
    }
    *to = kind_of(f, value) == EQ_JSON_TRUE;
}

/* One of the words of a list like "rgb bgr grey". */
static void read_choice(fields *f, const char *key, const char *words, int32_t *to) {
    const int32_t value = find(f, key);
    if (value < 0) {
        return;
    }
    const char *word = words;
    for (int32_t i = 0; *word != 0; i++) {
        const size_t length = strcspn(word, " ");
        const eq_json_value *v = &f->json->values[value];
        if (v->kind == EQ_JSON_STRING && (size_t)v->length == length && memcmp(f->json->text + v->start, word, length) == 0) {
            *to = i;
            return;
        }
        word += length + (word[length] != 0);
    }
    complain(f, key, "must be one of: %s", words);
}

/* Numbers within arrays within an array are one list. */
static void read_numbers(fields *f, const char *key, eq_numbers *to) {
    const int32_t value = find(f, key);
    if (value < 0) {
        return;
    }
    const int32_t end = f->json->values[value].next;
    float *numbers = eq_memory_take(f->memory, (size_t)(end - value) * sizeof *numbers);
    if (numbers == NULL) {
        without_memory(f);
        return;
    }
    int32_t count = 0;
    for (int32_t i = value; i < end; i++) {
        if (kind_of(f, i) == EQ_JSON_ARRAY) {
            continue;
        }
        const double number = kind_of(f, i) == EQ_JSON_NUMBER ? eq_json_number(f->json, i) : NAN;
        if (!(fabs(number) <= 1e30) || count == NUMBERS_MOST) {
            complain(f, key, "must be a list of at most %d numbers", NUMBERS_MOST);
            return;
        }
        numbers[count++] = (float)number;
    }
    *to = (eq_numbers){numbers, count};
}

static void read_names(fields *f, const char *key, eq_names *to) {
    const int32_t value = find(f, key);
    if (value < 0) {
        return;
    }
    const int32_t count = f->json->values[value].count;
    if (kind_of(f, value) != EQ_JSON_ARRAY || count > EQ_LABELS_MOST) {
        complain(f, key, "must be a list of at most %d texts", EQ_LABELS_MOST);
        return;
    }
    const char **names = eq_memory_take(f->memory, (size_t)(count + 1) * sizeof *names);
    if (names == NULL) {
        without_memory(f);
        return;
    }
    for (int32_t i = 0, at = value + 1; i < count; i++, at = f->json->values[at].next) {
        if (kind_of(f, at) != EQ_JSON_STRING) {
            complain(f, key, "must be a list of at most %d texts", EQ_LABELS_MOST);
            return;
        }
        names[i] = eq_json_string(f->json, at, f->memory);
        if (names[i] == NULL) {
            without_memory(f);
            return;
        }
    }
    *to = (eq_names){names, count};
}

/* A key that nobody asked for is a mistake of the writer's, or of a later version. */
static void check_unknown(fields *f) {
    for (int32_t i = 0, key = f->object + 1; f->object >= 0 && i < f->json->values[f->object].count; i++) {
        bool is_known = false;
        for (int32_t k = 0; k < f->known_count; k++) {
            is_known |= eq_json_is(f->json, key, f->known[k]);
        }
        if (!is_known) {
            const char *name = eq_json_string(f->json, key, f->memory);
            complain(f, name != NULL ? name : "", "is no key of version %d: see docs/task.md", EQ_TASK_VERSION);
        }
        key = f->json->values[key + 1].next;
    }
}

static fields open_object(fields *parent, const char *key, const char *path) {
    const int32_t object = find(parent, key);
    if (object >= 0 && kind_of(parent, object) != EQ_JSON_OBJECT) {
        complain(parent, key, "must be an object");
    }
    return (fields){.json = parent->json,
                    .memory = parent->memory,
                    .object = parent->status == EQ_OK ? object : -1,
                    .path = path,
                    .status = parent->status,
                    .error = parent->error};
}

static void read_normal(fields *f, eq_normal *normal) {
    read_numbers(f, "mean", &normal->mean);
    read_numbers(f, "std", &normal->std);
    for (int32_t i = 0; i < normal->std.count; i++) {
        if (normal->std.values[i] == 0) {
            complain(f, "std", "must not be 0");
        }
    }
}

static void read_image(fields *f, eq_spec *spec) {
    eq_image_input *image = &spec->image;
    read_int(f, "width", 1, EQ_FRAME_MOST, &image->width);
    read_int(f, "height", 1, EQ_FRAME_MOST, &image->height);
    read_choice(f, "fit", "stretch crop letterbox", &image->fit);
    read_int(f, "fill", 0, 255, &image->fill);
    read_choice(f, "colour", "rgb bgr grey", &image->colour);
    read_choice(f, "layout", "nhwc nchw", &image->layout);
}

static void read_audio(fields *f, eq_spec *spec) {
    eq_audio_input *audio = &spec->audio;
    read_int(f, "rate", 1000, 192000, &audio->rate);
    read_choice(f, "features", "waveform log_mel mfcc micro_frontend", &audio->features);
    read_int(f, "window", 1, 65536, &audio->window);
    read_int(f, "hop", 1, 65536, &audio->hop);
    read_int(f, "fft", 4, 65536, &audio->fft);
    read_int(f, "bands", 1, 512, &audio->bands);
    read_int(f, "coefficients", 1, 512, &audio->coefficients);
    read_float(f, "low_hz", 0, 96000, &audio->low_hz);
    read_float(f, "high_hz", 1, 96000, &audio->high_hz);
    read_choice(f, "mel", "slaney htk tensorflow", &audio->mel);
    int32_t norm = audio->is_area_normal ? 0 : 1;
    read_choice(f, "norm", "slaney none", &norm);
    audio->is_area_normal = norm == 0;
    read_int(f, "power", 1, 2, &audio->power);
    read_choice(f, "log", "db ln none", &audio->log);
    read_float(f, "floor", 0, 1, &audio->floor);
    read_int(f, "step", 1, 1 << 20, &spec->step);
}

static void read_input(fields *top, eq_spec *spec) {
    fields f = open_object(top, "input", "input.");
    read_choice(&f, "kind", "image audio vector", &spec->input);
    read_normal(&f, &spec->normal);
    const bool is_any = spec->input == EQ_UNSAID; /* the model will tell */
    if (is_any || spec->input == EQ_TASK_AUDIO) {
        read_audio(&f, spec);
    }
    if (is_any || spec->input == EQ_TASK_VECTOR) {
        read_names(&f, "columns", &spec->columns);
        read_int(&f, "step", 1, 1 << 20, &spec->step);
    }
    if (is_any || spec->input == EQ_TASK_IMAGE) {
        read_image(&f, spec);
    }
    check_unknown(&f);
    top->status = f.status;
}

/* [{"label": "Ada", "values": [...]}, ...] */
static void read_references(fields *f, eq_references *to) {
    const int32_t list = find(f, "references");
    if (list < 0) {
        return;
    }
    const int32_t count = f->json->values[list].count;
    const char **names = eq_memory_take(f->memory, (size_t)(count + 1) * sizeof *names);
    float *values = NULL;
    if (kind_of(f, list) != EQ_JSON_ARRAY || count > EQ_ITEMS_MOST) {
        complain(f, "references", "must be a list of at most %d objects with a label and values", EQ_ITEMS_MOST);
        return;
    }
    for (int32_t i = 0, at = list + 1; i < count && f->status == EQ_OK; i++, at = f->json->values[at].next) {
        fields one = {.json = f->json, .memory = f->memory, .object = at, .path = "output.references.", .error = f->error};
        if (kind_of(f, at) != EQ_JSON_OBJECT) {
            complain(f, "references", "must be a list of at most %d objects with a label and values", EQ_ITEMS_MOST);
            return;
        }
        eq_numbers numbers = {0};
        const int32_t label = find(&one, "label");
        read_numbers(&one, "values", &numbers);
        check_unknown(&one);
        if (label < 0 || kind_of(f, label) != EQ_JSON_STRING || numbers.count == 0 || (i > 0 && numbers.count != to->width)) {
            complain(&one, "values", "and its 'label' must be there, with as many values as the others have");
        }
        if (i == 0) {
            to->width = numbers.count;
            values = eq_memory_take(f->memory, eq_size_times((size_t)count, (size_t)numbers.count * sizeof *values));
        }
        f->status = one.status;
        if (f->status == EQ_OK &&
            (values == NULL || names == NULL || !(names[i] = eq_json_string(f->json, label, f->memory)))) {
            without_memory(f);
        }
        if (f->status == EQ_OK) {
            memcpy(values + (size_t)i * (size_t)to->width, numbers.values, (size_t)to->width * sizeof *values);
        }
    }
    to->values = values;
    to->names = (eq_names){names, count};
}

static void read_detections(fields *f, eq_spec *spec) {
    read_choice(f, "decoder", "ssd ssd_anchors yolov5 yolov8 yolov10 blazeface retinaface corners yolox yolov11",
                &spec->decoder);
    spec->decoder = spec->decoder == EQ_DECODERS ? EQ_YOLOV8 : spec->decoder; /* whose head is the same */
    read_float(f, "most_overlap", 0, 1, &spec->most_overlap);
    read_bool(f, "class_agnostic", &spec->is_agnostic);
    read_bool(f, "background", &spec->has_background);
    read_numbers(f, "anchors", &spec->anchors);
    read_numbers(f, "scales", &spec->scales);
}

static void read_output(fields *top, eq_spec *spec) {
    fields f = open_object(top, "output", "output.");
    read_choice(&f, "kind", "classes detections segmentation keypoints embedding anomaly", &spec->output);
    read_names(&f, "labels", &spec->labels);
    read_int(&f, "top", 1, EQ_ITEMS_MOST, &spec->top);
    const bool is_any = spec->output == EQ_UNSAID; /* the model will tell */
    if (is_any || spec->output <= EQ_TASK_SEGMENTATION) {
        read_choice(&f, "activation", "none softmax sigmoid", &spec->activation);
        read_float(&f, "least_score", 0, 1, &spec->least_score);
    }
    if (is_any || spec->output == EQ_TASK_DETECTIONS) {
        read_detections(&f, spec);
    }
    if (is_any || spec->output == EQ_TASK_KEYPOINTS) {
        read_choice(&f, "points", "yxs xyz heatmap", &spec->points);
    }
    if (is_any || spec->output == EQ_TASK_DETECTIONS || spec->output == EQ_TASK_KEYPOINTS) {
        read_choice(&f, "units", "unit pixels", &spec->units);
    }
    if (is_any || spec->output == EQ_TASK_EMBEDDING) {
        read_references(&f, &spec->references);
    }
    if (is_any || spec->output == EQ_TASK_ANOMALY) {
        read_choice(&f, "measure", "reconstruction value", &spec->measure);
        read_float(&f, "threshold", -1e30, 1e30, &spec->threshold);
    }
    check_unknown(&f);
    top->status = f.status;
}

eq_status eq_spec_read(const char *text, size_t size, eq_memory_block **memory, eq_spec *spec, eq_error *error) {
    eq_json json;
    const eq_status status = eq_json_read(text, size, memory, &json, error);
    if (status != EQ_OK) {
        return status;
    }
    if (json.values[0].kind != EQ_JSON_OBJECT) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "it must be an object with 'task', 'input' and 'output'");
    }
    fields f = {.json = &json, .memory = memory, .path = "", .error = error};
    int32_t version = 0;
    read_int(&f, "task", 1, INT32_MAX, &version);
    if (f.status == EQ_OK && version != EQ_TASK_VERSION) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "its 'task', the version of its format, is %d: this program reads version %d",
                       (int)version, EQ_TASK_VERSION);
    }
    read_input(&f, spec);
    read_output(&f, spec);
    check_unknown(&f);
    return f.status;
}

eq_status eq_labels_read(const char *text, size_t size, eq_memory_block **memory, eq_names *labels, eq_error *error) {
    int32_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += text[i] == '\n' && count <= EQ_LABELS_MOST;
    }
    if (size == 0 || count > EQ_LABELS_MOST) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "they are empty or more than %d lines: give a label a line", EQ_LABELS_MOST);
    }
    count += text[size - 1] != '\n';
    const char **names = eq_memory_take(memory, (size_t)count * sizeof *names);
    if (names == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the labels");
    }
    for (int32_t i = 0; i < count; i++) {
        const char *end = memchr(text, '\n', size);
        size_t length = end != NULL ? (size_t)(end - text) : size;
        const size_t whole = length + (end != NULL);
        length -= length > 0 && text[length - 1] == '\r';
        char *name = eq_memory_take(memory, length + 1);
        if (name == NULL) {
            return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the labels");
        }
        eq_utf8_copy(name, length + 1, text, length);
        names[i] = name;
        text += whole;
        size -= whole;
    }
    *labels = (eq_names){names, count};
    return EQ_OK;
}
