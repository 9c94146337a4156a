/* The reader's memory and names. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "model_read.h"

enum {
    BLOCK_OVERHEAD = 96,    /* of one eq_memory_take with the system's own, about */
    NAME_BYTES_MAX = 4096,  /* the rest is cut off; converters join the names of fused layers, which gets long */
    NAME_BYTES_SHOWN = 100, /* in an error */
};

void *eq_reader_take(eq_reader *reader, size_t count, size_t bytes) {
    const size_t size = eq_size_times(count, bytes);
    const uint64_t left = reader->model->memory_limit - reader->taken;
    if (left < BLOCK_OVERHEAD || size > left - BLOCK_OVERHEAD) {
        reader->failure = eq_fail(reader->error, EQ_ERROR_LIMIT,
                                  "The model's tables and constants need more than the memory limit of %llu bytes.",
                                  (unsigned long long)reader->model->memory_limit);
        return NULL;
    }
    void *memory = eq_memory_take(&reader->model->memory, size);
    if (memory == NULL) {
        reader->failure = eq_fail(reader->error, EQ_ERROR_MEMORY, "The system gave no %zu bytes for the model's tables.", size);
        return NULL;
    }
    reader->taken += size + BLOCK_OVERHEAD;
    return memory;
}

int32_t *eq_reader_ints(eq_reader *reader, const eq_vector *vector) {
    int32_t *values = eq_reader_take(reader, vector->count, sizeof *values);
    if (values != NULL && vector->count != 0) memcpy(values, vector->items, vector->count * sizeof *values);
    return values;
}

/* Bytes of the well-formed, printable UTF-8 character at `text` (no overlong form, no surrogate); 0 if there is none. */
static size_t character_bytes(const uint8_t *text, size_t length) {
    const uint8_t first = text[0];
    if (first < 0x80) return first >= 0x20 && first != 0x7F;
    const size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || bytes > length) return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    if ((first == 0xE0 && text[1] < 0xA0) || (first == 0xED && text[1] > 0x9F)) return 0;
    if ((first == 0xF0 && text[1] < 0x90) || (first == 0xF4 && text[1] > 0x8F)) return 0;
    return first == 0xC2 && text[1] < 0xA0 ? 0 : bytes;
}

const char *eq_reader_name(eq_reader *reader, const eq_vector *characters) {
    if (characters->count == 0) return "";
    const uint8_t *text = characters->items;
    const size_t length = characters->count < NAME_BYTES_MAX ? characters->count : NAME_BYTES_MAX;
    size_t good = 0, bytes;
    while (good < length && (bytes = character_bytes(text + good, length - good)) != 0) good += bytes;
    if (good == characters->count) return (const char *)text; /* a zero follows, eq_table_string saw to it */
    char *name = eq_reader_take(reader, length + 1, 1);
    if (name == NULL) return NULL;
    for (size_t i = 0; i < length; i += bytes) {
        bytes = character_bytes(text + i, length - i);
        if (bytes != 0) memcpy(name + i, text + i, bytes);
        else name[i] = '?', bytes = 1;
    }
    return name;
}

eq_status eq_reader_fail_tensor(eq_reader *reader, const eq_tensor *tensor, int32_t index, eq_status status, const char *format,
                                ...) {
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    const char *name = tensor->name != NULL ? tensor->name : "";
    size_t shown = strlen(name);
    if (shown > NAME_BYTES_SHOWN)
        for (shown = NAME_BYTES_SHOWN; ((uint8_t)name[shown] & 0xC0) == 0x80;) shown--;
    return eq_fail(reader->error, status, "Tensor %d '%.*s%s': %s", (int)index, (int)shown, name,
                   name[shown] != '\0' ? "..." : "", sentence);
}
