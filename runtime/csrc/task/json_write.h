/* JSON into a buffer that may be too small, whose needed length is counted on. */
#ifndef EQ_JSON_WRITE_H
#define EQ_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct eq_json_text {
    char *text;
    size_t capacity, length;
    bool has_members; /* of the innermost object or array: a comma comes first */
} eq_json_text;

void eq_json_open(eq_json_text *json, const char *key, char bracket); /* `key` NULL: an element, or the whole */
void eq_json_close(eq_json_text *json, char bracket);
void eq_json_put_string(eq_json_text *json, const char *key, const char *value); /* NULL is null */
void eq_json_put_number(eq_json_text *json, const char *key, double value);      /* to 9 digits; null if it is not finite */
void eq_json_put_bool(eq_json_text *json, const char *key, bool value);
/* The zero at the end; returns the length without it. */
size_t eq_json_end(eq_json_text *json);

#endif
