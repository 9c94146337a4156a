/* run_library LIBRARY MODEL INPUT... OUTPUT: loads libedgequant.so as a stranger does, runs a model with one thread and then
 * with three, in every kernel set of this CPU, and writes the bytes of the outputs of each run, one after another, to OUTPUT.
 * Each INPUT holds the bytes of one input. */
#include <dlfcn.h>
#include <edgequant.h>
#include <stdio.h>
#include <stdlib.h>

#define LOAD(name) __typeof__(name) *name##_ = symbol(#name)

static void *library;

static void fail(const char *message) {
    fprintf(stderr, "run_library: %s\n", message);
    exit(1);
}

static void *symbol(const char *name) {
    void *found = dlsym(library, name);
    if (!found) {
        fail(dlerror());
    }
    return found;
}

static void read_file(const char *path, void *data, size_t bytes) {
    FILE *file = fopen(path, "rb");
    if (!file || fread(data, 1, bytes, file) != bytes || fgetc(file) != EOF) {
        fail(path);
    }
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fail("give a library, a model, its inputs, and a file to write");
    }
    library = dlopen(argv[1], RTLD_NOW);
    if (!library) {
        fail(dlerror());
    }
    LOAD(eq_kernels_name);
    LOAD(eq_model_open_file);
    LOAD(eq_model_close);
    LOAD(eq_session_open);
    LOAD(eq_session_close);
    LOAD(eq_session_input_count);
    LOAD(eq_session_input_info);
    LOAD(eq_session_input_data);
    LOAD(eq_session_output_count);
    LOAD(eq_session_output_info);
    LOAD(eq_session_output_data);
    LOAD(eq_session_run);

    FILE *output = fopen(argv[argc - 1], "wb");
    if (!output) {
        fail(argv[argc - 1]);
    }
    const char *kernels;
    eq_error error;
    for (int32_t set = 0; (kernels = eq_kernels_name_(set)); set++) {
        eq_model *model;
        const eq_model_options options = {.kernels = kernels};
        if (eq_model_open_file_(argv[2], &options, &model, &error)) {
            fail(error.message);
        }
        for (int32_t threads = 1; threads <= 3; threads += 2) {
            eq_session *session;
            eq_tensor_info info;
            const eq_session_options choice = {.threads = threads};
            if (eq_session_open_(model, &choice, &session, &error)) {
                fail(error.message);
            }
            if (eq_session_input_count_(session) != argc - 4) {
                fail("give one file for each input");
            }
            for (int32_t i = 0; i < argc - 4; i++) {
                if (eq_session_input_info_(session, i, &info, &error)) {
                    fail(error.message);
                }
                read_file(argv[3 + i], eq_session_input_data_(session, i), info.bytes);
            }
            if (eq_session_run_(session, &error)) {
                fail(error.message);
            }
            for (int32_t i = 0; i < eq_session_output_count_(session); i++) {
                if (eq_session_output_info_(session, i, &info, &error)) {
                    fail(error.message);
                }
                if (fwrite(eq_session_output_data_(session, i), 1, info.bytes, output) != info.bytes) {
                    fail("the disk is full");
                }
            }
            eq_session_close_(session);
        }
        eq_model_close_(model);
        puts(kernels);
    }
    return fclose(output) ? 1 : 0;
}
