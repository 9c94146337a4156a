#include "error.h"

#include <stdarg.h>
#include <stdio.h>

/* The longest beginning of `text` that is at most `capacity` bytes and does not end inside a UTF-8 character. */
static size_t cut(const char *text, size_t capacity) {
    size_t length = capacity;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) length--;
    return length;
}

eq_status eq_fail(eq_error *error, eq_status status, const char *format, ...) {
    if (error == NULL) return status;
    error->status = status;
    char text[sizeof error->message + 1];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const size_t capacity = sizeof error->message - 1;
    const size_t kept = length < 0 ? 0 : (size_t)length <= capacity ? (size_t)length : cut(text, capacity);
    for (size_t i = 0; i < kept; i++) error->message[i] = text[i];
    error->message[kept] = '\0';
    return status;
}
