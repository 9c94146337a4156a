/* JSON (RFC 8259) from untrusted bytes: a flat list of values, in the order of the text. */
#ifndef EQ_JSON_READ_H
#define EQ_JSON_READ_H

#include "base/memory.h"

enum { EQ_JSON_MOST_BYTES = 4 << 20, EQ_JSON_MOST_DEPTH = 16 };

typedef enum eq_json_kind {
    EQ_JSON_NULL,
    EQ_JSON_FALSE,
    EQ_JSON_TRUE,
    EQ_JSON_NUMBER,
    EQ_JSON_STRING,
    EQ_JSON_ARRAY,
    EQ_JSON_OBJECT,
} eq_json_kind;

typedef struct eq_json_value {
    uint8_t kind;
    int32_t start, length; /* in the text; of a string without its quotes */
    int32_t count;         /* elements, or members, which are a string and a value each */
    int32_t next;          /* the value behind this one and all that is in it */
} eq_json_value;

typedef struct eq_json {
    const char *text;
    const eq_json_value *values; /* the first is the whole; the first element of value i is i + 1 */
    int32_t count;
} eq_json;

/* The values live in `memory`, the text is the caller's. Errors say on which line the text is wrong. */
eq_status eq_json_read(const char *text, size_t size, eq_memory_block **memory, eq_json *json, eq_error *error);

/* The member of an object, or -1. */
int32_t eq_json_member(const eq_json *json, int32_t object, const char *key);
/* Exact to the last bit or the one before it, whatever the C library's locale is. */
double eq_json_number(const eq_json *json, int32_t value);
bool eq_json_is(const eq_json *json, int32_t value, const char *text);
/* With escapes resolved, in `memory`; NULL: no memory. What is no UTF-8 becomes question marks. */
const char *eq_json_string(const eq_json *json, int32_t value, eq_memory_block **memory);

#endif
