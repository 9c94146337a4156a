/* Errors carry one sentence for a person. */
#ifndef EQ_ERROR_H
#define EQ_ERROR_H

#include "edgequant.h"

/* Write a sentence to `error` (which may be NULL) and return `status`. */
__attribute__((format(printf, 3, 4))) eq_status eq_fail(eq_error *error, eq_status status, const char *format, ...);

#endif
