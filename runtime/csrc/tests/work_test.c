/* What eq_model_measure() tells of a network of floats and of one of int8: the same with every kernel set of this CPU.
 *
 *     work_test FLOAT.tflite INT8.tflite */
#include <stdbool.h>
#include <stdio.h>

#include "edgequant.h"

enum { SKIPPED = 77 };

static bool measure(const char *path, const char *kernels, eq_model_work *work) {
    const eq_model_options options = {.kernels = kernels};
    eq_error error;
    eq_model *model;
    if (eq_model_open_file(path, &options, &model, &error) != EQ_OK) {
        fprintf(stderr, "%s\n", error.message);
        return false;
    }
    eq_model_measure(model, work);
    eq_model_close(model);
    return true;
}

static bool differs(const char *path, bool is_of_floats) {
    eq_model_work work, other;
    if (!measure(path, NULL, &work)) {
        return true;
    }
    const unsigned long long fast = work.fast, slow = work.slow, floats = work.floats, most = is_of_floats ? floats : fast;
    printf("%s: %llu fast, %llu of floats, %llu slow\n", path, fast, floats, slow);
    const char *kernels;
    for (int32_t i = 0; (kernels = eq_kernels_name(i)); ++i) {
        if (!measure(path, kernels, &other) || other.fast != fast || other.floats != floats || other.slow != slow) {
            fprintf(stderr, "%s: otherwise with %s\n", path, kernels);
            return true;
        }
    }
    return most == 0 || fast + floats + slow >= 2 * most;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: work_test FLOAT.tflite INT8.tflite\n");
        return SKIPPED;
    }
    return differs(argv[1], true) || differs(argv[2], false);
}
