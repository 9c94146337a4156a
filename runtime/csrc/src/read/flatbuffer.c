#include "flatbuffer.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "flatbuffers are little-endian, and so must the CPU be");

/* Offsets are signed or unsigned 32-bit numbers; a flatbuffer reaches no further than this. */
static const size_t size_max = INT32_MAX;

static uint16_t load_u16(const uint8_t *bytes) {
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint32_t load_u32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static bool is_inside(uint64_t position, uint64_t bytes, uint32_t size) {
    return position <= size && bytes <= size - position;
}

/* A table begins with the signed distance back to its vtable: its own size, the size of the table's inline part, then for
 * each field the distance from the table's beginning, 0 for an absent one; 16 bits each. */
static bool enter(const uint8_t *file, uint32_t size, uint64_t position, eq_table *table) {
    if (position == 0 || !is_inside(position, 4, size)) {
        return false;
    }
    const int64_t vtable = (int64_t)position - (int32_t)load_u32(file + position);
    if (vtable < 0 || !is_inside((uint64_t)vtable, 4, size)) {
        return false;
    }
    const uint16_t vtable_bytes = load_u16(file + vtable), inline_bytes = load_u16(file + vtable + 2);
    if (vtable_bytes < 4 || !is_inside((uint64_t)vtable, vtable_bytes, size)) {
        return false;
    }
    if (inline_bytes < 4 || !is_inside(position, inline_bytes, size)) {
        return false;
    }
    *table = (eq_table){file, size, (uint32_t)position};
    return true;
}

/* The distance of a field from the beginning of a table that was entered; 0 if it is absent. */
static uint32_t field_offset(const eq_table *table, int field) {
    if (table->position == 0) {
        return 0;
    }
    const uint8_t *start = table->file + table->position;
    const uint8_t *vtable = start - (int32_t)load_u32(start);
    const uint32_t entry = 4 + 2 * (uint32_t)field;
    return entry + 2 <= load_u16(vtable) ? load_u16(vtable + entry) : 0;
}

static bool is_inline(const eq_table *table, uint32_t offset, uint32_t bytes) {
    const uint8_t *start = table->file + table->position;
    const uint8_t *vtable = start - (int32_t)load_u32(start);
    return offset >= 4 && offset + bytes <= load_u16(vtable + 2);
}

bool eq_flatbuffer_root(const uint8_t *file, size_t size, eq_table *root) {
    const uint32_t reach = (uint32_t)(size < size_max ? size : size_max);
    return is_inside(0, 8, reach) && enter(file, reach, load_u32(file), root);
}

/* What an offset field points at: 0 if it is absent. */
static bool follow(const eq_table *table, int field, uint64_t *position) {
    const uint32_t offset = field_offset(table, field);
    *position = 0;
    if (offset == 0) {
        return true;
    }
    if (!is_inline(table, offset, 4)) {
        return false;
    }
    const uint64_t from = (uint64_t)table->position + offset;
    *position = from + load_u32(table->file + from);
    return *position != from;
}

bool eq_table_child(const eq_table *table, int field, eq_table *child) {
    uint64_t position;
    *child = (eq_table){table->file, table->size, 0};
    if (!follow(table, field, &position)) {
        return false;
    }
    return position == 0 || enter(table->file, table->size, position, child);
}

bool eq_table_vector(const eq_table *table, int field, uint32_t item_bytes, eq_vector *vector) {
    uint64_t position;
    *vector = (eq_vector){NULL, 0};
    if (!follow(table, field, &position)) {
        return false;
    }
    if (position == 0) {
        return true;
    }
    if (!is_inside(position, 4, table->size)) {
        return false;
    }
    const uint32_t count = load_u32(table->file + position);
    if (!is_inside(position + 4, (uint64_t)count * item_bytes, table->size)) {
        return false;
    }
    *vector = (eq_vector){table->file + position + 4, count};
    return true;
}

bool eq_table_string(const eq_table *table, int field, eq_vector *characters) {
    if (!eq_table_vector(table, field, 1, characters)) {
        return false;
    }
    if (characters->count == 0) {
        return true;
    }
    const uint64_t end = (uint64_t)(characters->items - table->file) + characters->count;
    return is_inside(end, 1, table->size) && table->file[end] == 0;
}

/* Copy a number to `value`, which keeps its fallback if the field is absent. */
static void load_field(const eq_table *table, int field, void *value, uint32_t bytes) {
    const uint32_t offset = field_offset(table, field);
    if (offset != 0 && is_inline(table, offset, bytes)) {
        memcpy(value, table->file + table->position + offset, bytes);
    }
}

uint8_t eq_table_u8(const eq_table *table, int field, uint8_t fallback) {
    load_field(table, field, &fallback, sizeof fallback);
    return fallback;
}

int8_t eq_table_i8(const eq_table *table, int field, int8_t fallback) {
    load_field(table, field, &fallback, sizeof fallback);
    return fallback;
}

int32_t eq_table_i32(const eq_table *table, int field, int32_t fallback) {
    load_field(table, field, &fallback, sizeof fallback);
    return fallback;
}

uint32_t eq_table_u32(const eq_table *table, int field, uint32_t fallback) {
    load_field(table, field, &fallback, sizeof fallback);
    return fallback;
}

uint64_t eq_table_u64(const eq_table *table, int field, uint64_t fallback) {
    load_field(table, field, &fallback, sizeof fallback);
    return fallback;
}

float eq_table_f32(const eq_table *table, int field, float fallback) {
    load_field(table, field, &fallback, sizeof fallback);
    return fallback;
}

bool eq_vector_table(const eq_table *table, const eq_vector *vector, uint32_t index, eq_table *item) {
    const uint8_t *from = vector->items + (size_t)index * 4;
    return enter(table->file, table->size, (uint64_t)(from - table->file) + load_u32(from), item);
}

int32_t eq_vector_i32(const eq_vector *vector, uint32_t index) {
    return (int32_t)load_u32(vector->items + (size_t)index * 4);
}

int64_t eq_vector_i64(const eq_vector *vector, uint32_t index) {
    int64_t value;
    memcpy(&value, vector->items + (size_t)index * 8, sizeof value);
    return value;
}

float eq_vector_f32(const eq_vector *vector, uint32_t index) {
    float value;
    memcpy(&value, vector->items + (size_t)index * 4, sizeof value);
    return value;
}
