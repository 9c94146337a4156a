/* Loops over runs of adjacent values, as the driver of two inputs (broadcast.h) wants them. */
#ifndef EQ_RUNS_H
#define EQ_RUNS_H

#include <stddef.h>

/* name() and name_scalar(): out[i] = expression, of a and b, which are `type`, and of `parameters`. */
#define EQ_RUNS_TO(name, type, result_type, expression)                                                                       \
    static void name(const void *restrict parameters, const void *left, const void *right, void *result, size_t n) {          \
        const type *x = left, *y = right;                                                                                     \
        result_type *out = result;                                                                                            \
        (void)parameters;                                                                                                     \
        for (size_t i = 0; i < n; i++) {                                                                                      \
            const type a = x[i], b = y[i];                                                                                    \
            out[i] = (result_type)(expression);                                                                               \
        }                                                                                                                     \
    }                                                                                                                         \
    static void name##_scalar(const void *restrict parameters, const void *left, const void *right, void *result, size_t n) { \
        const type *x = left;                                                                                                 \
        const type b = *(const type *)right;                                                                                  \
        result_type *out = result;                                                                                            \
        (void)parameters;                                                                                                     \
        for (size_t i = 0; i < n; i++) {                                                                                      \
            const type a = x[i];                                                                                              \
            out[i] = (result_type)(expression);                                                                               \
        }                                                                                                                     \
    }
#define EQ_RUNS(name, type, expression) EQ_RUNS_TO(name, type, type, expression)

/* Both as an eq_binary's members. */
#define EQ_RUN_PAIR(name) name, name##_scalar

#endif
