/* Open untrusted bytes, run them once if they are a model, and check what must hold for any bytes. */
#ifndef EQ_EXERCISE_H
#define EQ_EXERCISE_H

#include <stddef.h>
#include <stdint.h>

enum { EQ_EXERCISE_MEMORY = 64 << 20 }; /* the memory limit */

typedef enum eq_exercise_result {
    EQ_EXERCISE_REFUSED, /* an error, with its sentence */
    EQ_EXERCISE_RAN,
    EQ_EXERCISE_LARGE, /* a valid model with so many multiply-accumulates that it is not run: it may take long */
} eq_exercise_result;

/* With the scalar kernels and with the CPU's best, which must agree bit for bit; aborts if they do not, or if an error
 * lacks its sentence, or if a figure is past the memory limit. */
eq_exercise_result eq_exercise(const uint8_t *data, size_t size);

#endif
