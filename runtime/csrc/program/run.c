#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "failure.h"
#include "npy.h"
#include "peak_memory.h"
#include "seeded.h"
#include "sha256.h"

static void check(eq_status status, const eq_error *error) {
    if (status != EQ_OK) {
        fail(status == EQ_ERROR_MEMORY ? EXIT_SYSTEM : EXIT_USER, "%s", error->message);
    }
}

static void *take(size_t count, size_t bytes) {
    void *memory = calloc(count + 1, bytes);
    if (memory == NULL) {
        fail(EXIT_SYSTEM, "there is no memory for the inputs");
    }
    return memory;
}

/* ---- opening ---- */

static void describe(run *opened) {
    eq_error error;
    opened->input_count = eq_session_input_count(opened->session);
    opened->output_count = eq_session_output_count(opened->session);
    opened->inputs = take((size_t)opened->input_count, sizeof *opened->inputs);
    opened->outputs = take((size_t)opened->output_count, sizeof *opened->outputs);
    for (int32_t i = 0; i < opened->input_count; i++) {
        check(eq_session_input_info(opened->session, i, &opened->inputs[i], &error), &error);
    }
    for (int32_t i = 0; i < opened->output_count; i++) {
        check(eq_session_output_info(opened->session, i, &opened->outputs[i], &error), &error);
    }
}

static void open_session(run *opened, const arguments *given, const eq_shape *shapes) {
    const eq_session_options options = {.threads = given->threads, .profile = given->profile, .input_shapes = shapes};
    eq_error error;
    check(eq_session_open(opened->model, &options, &opened->session, &error), &error);
    describe(opened);
}

static void close_session(run *opened) {
    eq_session_close(opened->session);
    free(opened->inputs);
    free(opened->outputs);
}

static void check_count(const char *kind, int32_t count, int32_t given) {
    if (given != 0 && given != count) {
        fail(EXIT_USER, "the model has %d %ss, and %d files were given with --%s", (int)count, kind, (int)given, kind);
    }
}

/* ---- inputs ---- */

static void check_type(const npy_file *npy, const eq_tensor_info *info) {
    if ((int32_t)npy->type->type != info->type) {
        fail(EXIT_USER, "%s holds %s, and the input '%s' takes %s", npy->path, npy->type->name, info->name,
             type_by_number(info->type)->name);
    }
}

/* Open the files, and the session with their shapes: a model that leaves sizes free may have none that suits it by itself. */
static npy_file *open_inputs(run *opened, const arguments *given) {
    npy_file *files = take((size_t)given->input_count, sizeof *files);
    eq_shape *shapes = take((size_t)given->input_count, sizeof *shapes);
    for (int32_t i = 0; i < given->input_count; i++) {
        eq_tensor_info info;
        eq_error error;
        check(eq_model_input_info(opened->model, i, &info, &error), &error);
        files[i] = npy_open(given->inputs[i]);
        check_type(&files[i], &info);
        shapes[i].rank = files[i].rank;
        memcpy(shapes[i].dims, files[i].dims, sizeof shapes[i].dims);
    }
    open_session(opened, given, given->input_count != 0 ? shapes : NULL);
    free(shapes);
    return files;
}

/* The inputs' values, one behind the other: a run may overwrite the session's own memory. */
static uint8_t *read_inputs(run *opened, const arguments *given, npy_file *files) {
    size_t bytes = 0;
    for (int32_t i = 0; i < opened->input_count; i++) {
        bytes += opened->inputs[i].bytes;
    }
    uint8_t *values = take(bytes, 1), *to = values;
    uint64_t next = 0;
    for (int32_t i = 0; i < opened->input_count; i++) {
        if (given->input_count != 0) {
            npy_read(&files[i], to, opened->inputs[i].bytes);
        } else {
            seeded_fill(&opened->inputs[i], to, &next);
        }
        to += opened->inputs[i].bytes;
    }
    free(files);
    return values;
}

/* ---- running ---- */

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

/* One inference from the model's initial state; returns its microseconds. */
static double run_once(run *opened, const uint8_t *values) {
    eq_error error;
    eq_session_reset(opened->session);
    for (int32_t i = 0; i < opened->input_count; values += opened->inputs[i++].bytes) {
        memcpy(eq_session_input_data(opened->session, i), values, opened->inputs[i].bytes);
    }
    const double begin = now();
    check(eq_session_run(opened->session, &error), &error);
    return now() - begin;
}

static void warm_up(run *opened, double seconds, const uint8_t *values) {
    const double end = now() + seconds * 1e6;
    while (now() < end) {
        run_once(opened, values);
    }
}

/* At least one inference: what --seconds leaves of --repeat. */
static void time_runs(run *opened, const arguments *given, const uint8_t *values) {
    opened->microseconds = take((size_t)given->repeat, sizeof *opened->microseconds);
    const double end = now() + given->seconds * 1e6;
    do {
        opened->microseconds[opened->runs++] = run_once(opened, values);
    } while (opened->runs < given->repeat && (given->seconds == 0 || now() < end));
}

run run_model(const arguments *given) {
    const eq_model_options options = {.kernels = given->kernels, .signature = given->signature, .precision = given->precision};
    run opened = {.memory_before = peak_memory()};
    eq_error error;
    const double begin = now();
    check(eq_model_open_file(given->model, &options, &opened.model, &error), &error);
    check_count("input", eq_model_input_count(opened.model), given->input_count);
    npy_file *files = open_inputs(&opened, given);
    opened.open_microseconds = now() - begin;
    check_count("output", opened.output_count, given->output_count);
    uint8_t *values = read_inputs(&opened, given, files);
    warm_up(&opened, given->warmup, values);
    time_runs(&opened, given, values);
    free(values);
    for (int32_t i = 0; i < given->output_count; i++) {
        npy_write(given->outputs[i], &opened.outputs[i], eq_session_output_data(opened.session, i));
    }
    return opened;
}

void run_close(run *done) {
    close_session(done);
    eq_model_close(done->model);
    free(done->microseconds);
}

/* ---- results ---- */

static int by_size(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Between two of the sorted values lies a straight line, as in numpy.percentile(). */
static double quantile(const double *sorted, int32_t count, double share) {
    const double place = share * (count - 1);
    const int32_t below = (int32_t)place, above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

latency run_latency(const run *done) {
    double *sorted = take((size_t)done->runs, sizeof *sorted);
    memcpy(sorted, done->microseconds, (size_t)done->runs * sizeof *sorted);
    qsort(sorted, (size_t)done->runs, sizeof *sorted, by_size);
    const latency found = {quantile(sorted, done->runs, 0.5), sorted[0], quantile(sorted, done->runs, 0.95)};
    free(sorted);
    return found;
}

void run_digest(const run *done, int32_t index, char text[65]) {
    sha256 hash;
    sha256_begin(&hash);
    for (int32_t i = 0; i < done->output_count; i++) {
        if (index == -1 || index == i) {
            sha256_add(&hash, eq_session_output_data(done->session, i), done->outputs[i].bytes);
        }
    }
    sha256_end(&hash, text);
}
