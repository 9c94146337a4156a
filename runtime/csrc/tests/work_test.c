/* What eq_model_measure() tells of a network of floats and of one of int8, the same on every CPU.
 *
 *     work_test FLOAT.tflite INT8.tflite */
#include <stdbool.h>
#include <stdio.h>

#include "edgequant.h"

enum { SKIPPED = 77 };

static bool differs(const char *path, bool is_of_floats) {
    eq_error error;
    eq_model *model;
    eq_model_work work;
    if (eq_model_open_file(path, NULL, &model, &error) != EQ_OK) {
        fprintf(stderr, "%s\n", error.message);
        return true;
    }
    eq_model_measure(model, &work);
    eq_model_close(model);
    printf("%s: %llu fast, %llu of floats, %llu slow\n", path, (unsigned long long)work.fast, (unsigned long long)work.floats,
           (unsigned long long)work.slow);
    const uint64_t most = is_of_floats ? work.floats : work.fast;
    return most == 0 || work.fast + work.floats + work.slow >= 2 * most;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: work_test FLOAT.tflite INT8.tflite\n");
        return SKIPPED;
    }
    return differs(argv[1], true) || differs(argv[2], false);
}
