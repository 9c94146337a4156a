/* The reader's memory and names. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "model_read.h"
#include "base/utf8.h"

enum {
    BLOCK_OVERHEAD = 96,    /* of one eq_memory_take with the system's own, about */
    NAME_BYTES_MAX = 4096,  /* the rest is cut off; converters join the names of fused layers, which gets long */
    NAME_BYTES_SHOWN = 100, /* in an error, so that there is room for its sentence */
};

void *eq_reader_take(eq_reader *reader, size_t count, size_t bytes) {
    const size_t size = eq_size_times(count, bytes);
    const uint64_t left = reader->model->memory_limit - reader->taken;
    if (left < BLOCK_OVERHEAD || size > left - BLOCK_OVERHEAD) {
        reader->failure = eq_fail(reader->error, EQ_ERROR_LIMIT,
                                  "the model's tables and constants need more than the memory limit of %llu bytes",
                                  (unsigned long long)reader->model->memory_limit);
        return NULL;
    }
    void *memory = eq_memory_take(&reader->model->memory, size);
    if (memory == NULL) {
        reader->failure = eq_fail(reader->error, EQ_ERROR_MEMORY, "the system gave no %zu bytes for the model's tables", size);
        return NULL;
    }
    reader->taken += size + BLOCK_OVERHEAD;
    return memory;
}

int32_t *eq_reader_ints(eq_reader *reader, const eq_vector *vector) {
    int32_t *values = eq_reader_take(reader, vector->count, sizeof *values);
    if (values != NULL && vector->count != 0) {
        memcpy(values, vector->items, vector->count * sizeof *values);
    }
    return values;
}

const char *eq_reader_name(eq_reader *reader, const eq_vector *characters) {
    if (characters->count == 0) {
        return "";
    }
    const char *text = (const char *)characters->items;
    const size_t length = characters->count < NAME_BYTES_MAX ? characters->count : NAME_BYTES_MAX;
    size_t good = 0, bytes;
    while (good < length && (bytes = eq_utf8_bytes(text + good, length - good)) != 0) {
        good += bytes;
    }
    if (good == characters->count) {
        return text; /* a zero follows, eq_table_string saw to it */
    }
    char *name = eq_reader_take(reader, length + 1, 1);
    if (name != NULL) {
        eq_utf8_copy(name, length + 1, text, length);
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
    return eq_fail(reader->error, status, "tensor %d '%.*s': %s", (int)index, NAME_BYTES_SHOWN,
                   tensor->name != NULL ? tensor->name : "", sentence);
}
