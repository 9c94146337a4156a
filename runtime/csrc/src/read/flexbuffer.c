#include "flexbuffer.h"

#include <float.h>
#include <string.h>

/* The format's types. */
enum {
    INT = 1,
    UINT,
    FLOAT,
    KEY,
    INDIRECT_INT = 6,
    INDIRECT_UINT,
    INDIRECT_FLOAT,
    MAP,
    VECTOR,
    VECTOR_INT,
    VECTOR_STRING = 15
};
enum { VECTOR_INT2 = 16, VECTOR_FLOAT4 = 24, BOOL = 26, VECTOR_BOOL = 36 };

/* Items of a vector. */
typedef struct items {
    size_t start;
    size_t count;
    uint8_t width;
    uint8_t type; /* of each; 0: the types follow the items */
} items;

static bool lies_inside(const eq_flex *in, size_t position, uint64_t bytes) {
    return position <= in->size && bytes <= in->size - position;
}

static bool read_unsigned(const eq_flex *in, size_t position, uint8_t width, uint64_t *value) {
    *value = 0;
    if (!lies_inside(in, position, width)) {
        return false;
    }
    for (int32_t i = width - 1; i >= 0; --i) {
        *value = *value << 8 | in->bytes[position + (size_t)i];
    }
    return true;
}

/* Offsets count backwards from where they stand. */
static bool follow(const eq_flex *value, size_t *target) {
    uint64_t offset;
    if (!read_unsigned(value, value->position, value->width, &offset) || offset > value->position) {
        return false;
    }
    *target = value->position - (size_t)offset;
    return true;
}

/* A value with the type, and the width of what it leads to, that one byte of the format says. */
static eq_flex value_at(const eq_flex *in, size_t position, uint8_t width, uint8_t packed) {
    eq_flex value = {.bytes = in->bytes, .size = in->size, .position = position, .width = width};
    if (lies_inside(in, position, width)) {
        value.type = packed >> 2;
        value.child_width = (uint8_t)(1 << (packed & 3));
    }
    return value;
}

eq_flex eq_flex_root(const void *bytes, size_t size) {
    const eq_flex whole = {.bytes = bytes, .size = size};
    const uint8_t width = size >= 3 ? whole.bytes[size - 1] : 0;
    if ((width != 1 && width != 2 && width != 4 && width != 8) || size - 2 < width) {
        return whole;
    }
    return value_at(&whole, size - 2 - width, width, whole.bytes[size - 2]);
}

/* Items from `start` on, their number in the `width` bytes before. */
static bool counted_items(const eq_flex *in, size_t start, uint8_t width, uint8_t type, items *found) {
    uint64_t count;
    if (start < width || !read_unsigned(in, start - width, width, &count) || count > in->size) {
        return false;
    }
    *found = (items){.start = start, .count = (size_t)count, .width = width, .type = type};
    return lies_inside(in, start, count * (uint64_t)(width + (type == 0)));
}

static bool items_of(const eq_flex *vector, items *found) {
    size_t start;
    const uint8_t type = vector->type, width = vector->child_width;
    *found = (items){0};
    if (type == 0 || width == 0 || !follow(vector, &start)) {
        return false;
    }
    if (type == MAP || type == VECTOR) {
        return counted_items(vector, start, width, 0, found);
    }
    if (type >= VECTOR_INT && type <= VECTOR_STRING) {
        return counted_items(vector, start, width, (uint8_t)(type - VECTOR_INT + INT), found);
    }
    if (type == VECTOR_BOOL) {
        return counted_items(vector, start, width, BOOL, found);
    }
    if (type >= VECTOR_INT2 && type <= VECTOR_FLOAT4) { /* of 2, 3 or 4 integers, unsigned integers or floats */
        const uint8_t which = (uint8_t)(type - VECTOR_INT2);
        *found = (items){.start = start, .count = which / 3 + 2u, .width = width, .type = (uint8_t)(INT + which % 3)};
        return lies_inside(vector, start, found->count * width);
    }
    return false;
}

int32_t eq_flex_count(const eq_flex *vector) {
    items found;
    return items_of(vector, &found) && found.count <= INT32_MAX ? (int32_t)found.count : 0;
}

static eq_flex item(const eq_flex *vector, const items *all, size_t index) {
    const size_t position = all->start + index * all->width;
    const uint8_t packed =
        all->type != 0 ? (uint8_t)(all->type << 2) : vector->bytes[all->start + all->count * all->width + index];
    return value_at(vector, position, all->width, packed);
}

eq_flex eq_flex_item(const eq_flex *vector, int32_t index) {
    items all;
    if (!items_of(vector, &all) || index < 0 || (size_t)index >= all.count) {
        return (eq_flex){0};
    }
    return item(vector, &all, (size_t)index);
}

/* The keys of a map: a vector whose offset and width stand before the map's count. */
static bool keys_of(const eq_flex *map, const items *values, items *keys) {
    const size_t before = 3 * (size_t)values->width;
    uint64_t width;
    if (values->start < before || !read_unsigned(map, values->start - 2 * (size_t)values->width, values->width, &width) ||
        (width != 1 && width != 2 && width != 4 && width != 8)) {
        return false;
    }
    size_t start;
    const eq_flex offset = value_at(map, values->start - before, values->width, 0);
    return follow(&offset, &start) && counted_items(map, start, (uint8_t)width, KEY, keys) && keys->count >= values->count;
}

eq_flex eq_flex_field(const eq_flex *map, const char *key) {
    items values, keys;
    const size_t length = strlen(key) + 1; /* with its zero */
    if (map->type != MAP || !items_of(map, &values) || !keys_of(map, &values, &keys)) {
        return (eq_flex){0};
    }
    for (size_t i = 0; i < values.count; ++i) {
        size_t text;
        const eq_flex name = item(map, &keys, i);
        if (follow(&name, &text) && lies_inside(map, text, length) && memcmp(map->bytes + text, key, length) == 0) {
            return item(map, &values, i);
        }
    }
    return (eq_flex){0};
}

/* ---- numbers ---- */

typedef struct number {
    enum { NONE, SIGNED, UNSIGNED, REAL } kind;
    int64_t integer;
    uint64_t natural;
    double real;
} number;

static bool to_real(uint64_t bits, uint8_t width, double *real) {
    if (width == sizeof(float)) {
        const uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        *real = (double)value;
    } else if (width == sizeof(double)) {
        memcpy(real, &bits, sizeof *real);
    }
    return width == sizeof(float) || width == sizeof(double); /* writers make no others */
}

static number number_of(const eq_flex *value) {
    const bool indirect = value->type >= INDIRECT_INT && value->type <= INDIRECT_FLOAT;
    const uint8_t width = indirect ? value->child_width : value->width;
    const uint8_t type = indirect ? (uint8_t)(value->type - INDIRECT_INT + INT) : value->type;
    size_t position = value->position;
    number found = {.kind = NONE};
    uint64_t bits;
    if (type == 0 || (indirect && !follow(value, &position)) || !read_unsigned(value, position, width, &bits)) {
        return found;
    }
    if (type == INT) {
        const uint64_t sign = (uint64_t)1 << (8 * width - 1);
        found = (number){.kind = SIGNED, .integer = (int64_t)((bits ^ sign) - sign)};
    } else if (type == UINT || type == BOOL) {
        found = (number){.kind = UNSIGNED, .natural = bits};
    } else if (type == FLOAT && to_real(bits, width, &found.real)) {
        found.kind = REAL;
    }
    return found;
}

int32_t eq_flex_int(const eq_flex *value, int32_t fallback) {
    const number n = number_of(value);
    if (n.kind == SIGNED && n.integer >= INT32_MIN && n.integer <= INT32_MAX) {
        return (int32_t)n.integer;
    }
    if (n.kind == UNSIGNED && n.natural <= INT32_MAX) {
        return (int32_t)n.natural;
    }
    return n.kind == REAL && n.real >= INT32_MIN && n.real <= INT32_MAX ? (int32_t)n.real : fallback;
}

float eq_flex_float(const eq_flex *value, float fallback) {
    const number n = number_of(value);
    if (n.kind == REAL && (n.real > (double)FLT_MAX || n.real < -(double)FLT_MAX)) {
        return fallback;
    }
    return n.kind == SIGNED     ? (float)n.integer
           : n.kind == UNSIGNED ? (float)n.natural
           : n.kind == REAL     ? (float)n.real
                                : fallback;
}

bool eq_flex_bool(const eq_flex *value, bool fallback) {
    const number n = number_of(value);
    return n.kind == SIGNED ? n.integer != 0 : n.kind == UNSIGNED ? n.natural != 0 : n.kind == REAL ? n.real != 0 : fallback;
}
