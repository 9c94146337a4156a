/* What eq_model_measure() tells of a network of floats and of one of int8: on AArch64 neither is slow, elsewhere the first.
 *
 *     work_test FLOAT.tflite INT8.tflite */
#include <stdio.h>

#include "edgequant.h"

enum { SKIPPED = 77 };

#if defined(__aarch64__)
enum { FLOATS_ARE_SLOW = 0 };
#else
enum { FLOATS_ARE_SLOW = 1 };
#endif

static int differs(const char *path, int is_slow) {
    eq_error error;
    eq_model *model;
    eq_model_work work;
    if (eq_model_open_file(path, NULL, &model, &error) != EQ_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    eq_model_measure(model, &work);
    eq_model_close(model);
    printf("%s: %llu fast, %llu slow\n", path, (unsigned long long)work.fast, (unsigned long long)work.slow);
    return work.fast + work.slow == 0 || (work.slow > work.fast) != is_slow;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: work_test FLOAT.tflite INT8.tflite\n");
        return SKIPPED;
    }
    return differs(argv[1], FLOATS_ARE_SLOW) | differs(argv[2], 0);
}
