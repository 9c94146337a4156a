/* One model, run as often as was asked for. */
#ifndef RUN_H
#define RUN_H

#include "arguments.h"
#include "edgequant.h"

typedef struct run {
    eq_model *model;
    eq_session *session;
    int32_t input_count, output_count;
    eq_tensor_info *inputs, *outputs;
    double open_microseconds; /* from the file to a session that is ready */
    long long memory_before;  /* peak of the process before the model was opened, in bytes */
    double *microseconds;     /* of each inference, in their order */
    int32_t runs;
} run;

/* Open the model, read or make the inputs, run, and write the outputs. Ends the program if any of that fails. */
run run_model(const arguments *given);
void run_close(run *done);

typedef struct latency {
    double median, min, p95; /* microseconds */
} latency;

latency run_latency(const run *done);
/* Over the bytes of one output, or of all in their order for index -1. */
void run_digest(const run *done, int32_t index, char text[65]);

#endif
