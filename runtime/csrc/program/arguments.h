/* The command line. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

enum { ARGUMENT_FILES_MAX = 64 };

typedef struct arguments {
    const char *model;
    const char *inputs[ARGUMENT_FILES_MAX], *outputs[ARGUMENT_FILES_MAX];
    int32_t input_count, output_count;
    int32_t repeat, threads;
    double seconds, warmup; /* 0: no limit of time, no warm-up */
    const char *kernels;    /* NULL: the best that this CPU runs */
    int32_t precision;      /* an eq_precision */
    const char *signature;  /* NULL: the first graph */
    bool as_json, latencies, profile, probe;
    /* of tasks; NULL and 0: not given */
    const char *task, *labels, *audio, *frames, *lines;
    const char *images[ARGUMENT_FILES_MAX];
    int32_t image_count, top;
    bool drops;
} arguments;

/* Whether answers are asked for, and not outputs. */
bool asks_for_answers(const arguments *given);

/* Ends the program after --help and --version, and with a sentence if the arguments make no sense. */
arguments parse_arguments(int count, char **words);

#endif
