/* Reads flexbuffers of untrusted bytes, in which custom operators have their options: nothing outside the bytes is touched.
 *
 * What is not there, lies outside, or has a type that the question does not fit is absent: the answer is the fallback, an absent
 * value, or a count of 0. (https://flatbuffers.dev/internals, "FlexBuffers") */
#ifndef EQ_FLEXBUFFER_H
#define EQ_FLEXBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct eq_flex {
    const uint8_t *bytes; /* the whole buffer */
    size_t size;
    size_t position;     /* of the value, or of the offset to it, `width` bytes within the buffer */
    uint8_t width;       /* 1, 2, 4 or 8 */
    uint8_t type;        /* as the format numbers them; 0: absent, or null */
    uint8_t child_width; /* of what an offset leads to */
} eq_flex;

eq_flex eq_flex_root(const void *bytes, size_t size);

/* A map's value by its key. */
eq_flex eq_flex_field(const eq_flex *map, const char *key);
/* How many items a vector (of any kind, or a map) has, and one of them, absent from `count` on. */
int32_t eq_flex_count(const eq_flex *vector);
eq_flex eq_flex_item(const eq_flex *vector, int32_t index);

/* Numbers and booleans as the asked type; a number outside its range, and NaN as an integer, is absent. */
int32_t eq_flex_int(const eq_flex *value, int32_t fallback);
float eq_flex_float(const eq_flex *value, float fallback);
bool eq_flex_bool(const eq_flex *value, bool fallback);

#endif
