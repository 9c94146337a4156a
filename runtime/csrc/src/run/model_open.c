/* Opening and closing models. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpu.h"
#include "kernels/kernels.h"
#include "base/memory.h"
#include "read/model.h"
#include "plan/plan.h"

static const uint64_t default_memory_limit = (uint64_t)1 << 30;

static void release(eq_model *model) {
    if (model->lock != NULL) {
        pthread_mutex_destroy(model->lock);
    }
    if (model->is_mapped) {
        munmap((void *)(uintptr_t)model->file, model->size);
    }
    eq_memory_free(&model->memory);
    free(model);
}

static eq_status choose_kernels(eq_model *model, const char *name, eq_error *error) {
    eq_cpu cpu;
    eq_cpu_detect(&cpu);
    const eq_kernels *kernels;
    for (int32_t i = 0; (kernels = eq_kernels_at(&cpu, i)) != NULL; i++) {
        if (name == NULL || strcmp(name, kernels->name) == 0) {
            model->kernels = kernels;
        }
    }
    if (model->kernels != NULL) {
        return EQ_OK;
    }
    return eq_fail(error, EQ_ERROR_ARGUMENT, "there are no kernels '%s', or this CPU does not run them", name);
}

static eq_status make_lock(eq_model *model, eq_error *error) {
    pthread_mutex_t *lock = eq_memory_take(&model->memory, sizeof *lock);
    if (lock == NULL || pthread_mutex_init(lock, NULL) != 0) {
        return eq_fail(error, EQ_ERROR_MEMORY, "the system gave no lock for the model");
    }
    model->lock = lock;
    return EQ_OK;
}

/* What is done with a model's bytes. */
typedef eq_status (*use_fn)(eq_model *model, const eq_model_options *options, eq_error *error);

static eq_status only_read(eq_model *model, const eq_model_options *options, eq_error *error) {
    model->references = 1;
    model->memory_limit = options != NULL && options->memory_limit != 0 ? options->memory_limit : default_memory_limit;
    /* Sums of sizes below it do not overflow, whatever the address space. */
    if (model->memory_limit > PTRDIFF_MAX) {
        model->memory_limit = PTRDIFF_MAX;
    }
    model->signature = options != NULL ? options->signature : NULL;
    const eq_status status = eq_model_read(model, error);
    model->signature = NULL; /* the caller's */
    return status;
}

static eq_status choose_precision(eq_model *model, int32_t precision, eq_error *error) {
    if (precision != EQ_PRECISION_FLOAT32 && precision != EQ_PRECISION_FLOAT16) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "there is no precision %d", (int)precision);
    }
    if (precision == EQ_PRECISION_FLOAT16 && model->kernels->gemm_f16.run == NULL) {
        return eq_fail(
            error, EQ_ERROR_UNSUPPORTED,
            "the kernels '%s' have no arithmetic on float16, which needs a CPU such as a Raspberry Pi 5's: leave the "
            "precision at float32, or take the kernels 'scalar', which imitate it slowly",
            model->kernels->name);
    }
    model->precision = precision;
    return EQ_OK;
}

static eq_status keep_custom_operators(eq_model *model, const eq_model_options *options, eq_error *error) {
    const int32_t count = options != NULL ? options->custom_operator_count : 0;
    if (count <= 0) {
        return EQ_OK;
    }
    eq_custom_operator *kept = eq_memory_take(&model->memory, eq_size_times((size_t)count, sizeof *kept));
    if (kept == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "the system gave no memory for %d custom operators", (int)count);
    }
    for (int32_t i = 0; i < count; i++) {
        kept[i] = options->custom_operators[i];
        if (kept[i].name == NULL || kept[i].prepare == NULL || kept[i].run == NULL) {
            return eq_fail(error, EQ_ERROR_ARGUMENT, "custom operator %d lacks its name, `prepare` or `run`", (int)i);
        }
    }
    model->custom_operators = kept;
    model->custom_operator_count = count;
    return EQ_OK;
}

static eq_status prepare(eq_model *model, const eq_model_options *options, eq_error *error) {
    eq_status status = choose_kernels(model, options != NULL ? options->kernels : NULL, error);
    if (status == EQ_OK) {
        status = choose_precision(model, options != NULL ? options->precision : EQ_PRECISION_FLOAT32, error);
    }
    if (status == EQ_OK) {
        status = keep_custom_operators(model, options, error);
    }
    if (status == EQ_OK) {
        status = make_lock(model, error);
    }
    if (status == EQ_OK) {
        status = only_read(model, options, error);
    }
    if (status != EQ_OK) {
        return status;
    }
    model->packed = eq_memory_take(&model->memory, eq_size_times((size_t)model->main->operator_count, sizeof *model->packed));
    if (model->packed == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "the system gave no memory for the model's tables");
    }
    return eq_plan_check(model, error);
}

/* Map a regular file that was opened. The mapping stays when the descriptor is closed. */
static eq_status map(eq_model *model, int descriptor, const char *path, eq_error *error) {
    struct stat about;
    if (fstat(descriptor, &about) != 0) {
        return eq_fail(error, EQ_ERROR_FILE, "the model '%s' cannot be read: %s", path, strerror(errno));
    }
    if (S_ISDIR(about.st_mode)) {
        return eq_fail(error, EQ_ERROR_FILE, "'%s' is a directory, not a model file", path);
    }
    if (!S_ISREG(about.st_mode)) {
        return eq_fail(error, EQ_ERROR_FILE, "'%s' is not a regular file", path);
    }
    if (about.st_size == 0) {
        return eq_fail(error, EQ_ERROR_MODEL, "the model file '%s' is empty", path);
    }
    if ((uintmax_t)about.st_size > SIZE_MAX) {
        return eq_fail(error, EQ_ERROR_FILE, "the model file '%s' is larger than this system's address space", path);
    }
    void *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED) {
        return eq_fail(error, EQ_ERROR_FILE, "the model '%s' cannot be mapped: %s", path, strerror(errno));
    }
    model->file = bytes;
    model->size = (size_t)about.st_size;
    model->is_mapped = true;
    return EQ_OK;
}

static eq_status map_path(eq_model *model, const char *path, eq_error *error) {
    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return eq_fail(error, EQ_ERROR_FILE, "the model '%s' cannot be opened: %s", path, strerror(errno));
    }
    const eq_status status = map(model, descriptor, path, error);
    close(descriptor);
    return status;
}

static eq_model *new_model(eq_error *error) {
    eq_model *model = calloc(1, sizeof *model);
    if (model == NULL) {
        eq_fail(error, EQ_ERROR_MEMORY, "the system gave no memory for the model");
    }
    return model;
}

/* The model, or NULL after a failure. */
static eq_model *use_file(const char *path, use_fn use, const eq_model_options *options, eq_status *status, eq_error *error) {
    if (path == NULL) {
        *status = eq_fail(error, EQ_ERROR_ARGUMENT, "the path of the model is NULL");
        return NULL;
    }
    eq_model *model = new_model(error);
    *status = model == NULL ? EQ_ERROR_MEMORY : map_path(model, path, error);
    if (*status == EQ_OK) {
        *status = use(model, options, error);
    }
    if (*status != EQ_OK && model != NULL) {
        release(model);
    }
    return *status == EQ_OK ? model : NULL;
}

static eq_model *use_memory(const void *data, size_t size, use_fn use, const eq_model_options *options, eq_status *status,
                            eq_error *error) {
    if (data == NULL) {
        *status = eq_fail(error, EQ_ERROR_ARGUMENT, "the model's bytes are NULL");
        return NULL;
    }
    eq_model *model = new_model(error);
    if (model == NULL) {
        *status = EQ_ERROR_MEMORY;
        return NULL;
    }
    model->file = data;
    model->size = size;
    *status = use(model, options, error);
    if (*status != EQ_OK) {
        release(model);
    }
    return *status == EQ_OK ? model : NULL;
}

static eq_status no_place(eq_error *error) {
    return eq_fail(error, EQ_ERROR_ARGUMENT, "there is no place for the opened model: `model` is NULL");
}

eq_status eq_model_open_file(const char *path, const eq_model_options *options, eq_model **model, eq_error *error) {
    eq_status status = EQ_OK;
    if (model == NULL) {
        return no_place(error);
    }
    *model = use_file(path, prepare, options, &status, error);
    return status;
}

eq_status eq_model_open_memory(const void *data, size_t size, const eq_model_options *options, eq_model **model,
                               eq_error *error) {
    eq_status status = EQ_OK;
    if (model == NULL) {
        return no_place(error);
    }
    *model = use_memory(data, size, prepare, options, &status, error);
    return status;
}

eq_status eq_model_check_file(const char *path, eq_error *error) {
    eq_status status;
    eq_model *model = use_file(path, only_read, NULL, &status, error);
    if (model != NULL) {
        release(model);
    }
    return status;
}

eq_status eq_model_check_memory(const void *data, size_t size, eq_error *error) {
    eq_status status;
    eq_model *model = use_memory(data, size, only_read, NULL, &status, error);
    if (model != NULL) {
        release(model);
    }
    return status;
}

void eq_model_keep(eq_model *model) {
    pthread_mutex_lock(model->lock);
    ++model->references;
    pthread_mutex_unlock(model->lock);
}

void eq_model_close(eq_model *model) {
    if (model == NULL) {
        return;
    }
    pthread_mutex_lock(model->lock);
    const bool is_last = --model->references == 0;
    pthread_mutex_unlock(model->lock);
    if (is_last) {
        release(model);
    }
}

const char *eq_model_kernels(const eq_model *model) {
    return model != NULL ? model->kernels->name : NULL;
}

void eq_model_measure(const eq_model *model, eq_model_work *work) {
    *work = model->work;
}

int32_t eq_model_layers_past_float16(const eq_model *model) {
    return model->past_half;
}

int32_t eq_model_input_count(const eq_model *model) {
    return model->main->input_count;
}

eq_status eq_model_input_info(const eq_model *model, int32_t index, eq_tensor_info *info, eq_error *error) {
    const eq_graph *graph = model->main;
    if (index < 0 || index >= graph->input_count) {
        return eq_fail(error, EQ_ERROR_ARGUMENT, "there is no input %d; the model has %d", (int)index, (int)graph->input_count);
    }
    const eq_tensor *input = &graph->tensors[graph->inputs[index]];
    *info = (eq_tensor_info){.name = graph->input_names[index], .type = input->file_type, .rank = input->rank};
    memcpy(info->shape, input->dims, sizeof info->shape);
    memcpy(info->shape_signature, input->signature, sizeof info->shape_signature);
    return EQ_OK;
}
