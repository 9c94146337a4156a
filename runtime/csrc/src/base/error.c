#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#include "utf8.h"

eq_status eq_fail(eq_error *error, eq_status status, const char *format, ...) {
    if (error == NULL) {
        return status;
    }
    char text[2 * sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const size_t written = length < 0 ? 0 : (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    error->status = status;
    eq_utf8_copy(error->message, sizeof error->message, text, written); /* paths and cut names may be anything */
    return status;
}
