/* Open untrusted bytes, run them once if they are a model, and check what must hold for any bytes. */
#ifndef EQ_EXERCISE_H
#define EQ_EXERCISE_H

#include <stddef.h>
#include <stdint.h>

/* What a model may ask for: a valid one may be as large and as slow as it likes. */
typedef struct eq_exercise_limits {
    uint64_t memory; /* bytes, as eq_model_options.memory_limit */
    uint64_t macs;   /* multiply-accumulates in a run */
} eq_exercise_limits;

typedef enum eq_exercise_result {
    EQ_EXERCISE_REFUSED, /* an error, with its sentence */
    EQ_EXERCISE_RAN,
    EQ_EXERCISE_LARGE, /* a valid model past limits->macs, which is not run */
} eq_exercise_result;

/* With the scalar kernels and with the CPU's best, which must agree bit for bit; aborts if they do not, or if an error
 * lacks its sentence, or if a figure is past the memory limit. */
eq_exercise_result eq_exercise(const uint8_t *data, size_t size, const eq_exercise_limits *limits);

#endif
