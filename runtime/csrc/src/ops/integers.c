#include "ops/integers.h"

#include <string.h>

bool eq_is_integer(eq_type type) {
    enum {
        ALL = 1 << EQ_INT4 | 1 << EQ_INT8 | 1 << EQ_UINT8 | 1 << EQ_INT16 | 1 << EQ_UINT16 | 1 << EQ_INT32 | 1 << EQ_UINT32 |
        1 << EQ_INT64 | 1 << EQ_BOOL
    };
    return type < 31 && (ALL >> type & 1) != 0;
}

int64_t eq_integer_at(eq_type type, const void *values, size_t i) {
    switch (type) {
    case EQ_INT4:
    case EQ_INT8:
        return ((const int8_t *)values)[i];
    case EQ_UINT8:
        return ((const uint8_t *)values)[i];
    case EQ_INT16:
        return ((const int16_t *)values)[i];
    case EQ_UINT16:
        return ((const uint16_t *)values)[i];
    case EQ_INT32:
        return ((const int32_t *)values)[i];
    case EQ_UINT32:
        return ((const uint32_t *)values)[i];
    case EQ_INT64:
    case EQ_UINT64: /* which CAST takes; from 2^63 on it is negative */
        return ((const int64_t *)values)[i];
    default:
        return ((const uint8_t *)values)[i] != 0;
    }
}

void eq_put_integer(eq_type type, void *values, size_t i, int64_t value) {
    const size_t size = (size_t)eq_type_size(type);
    const int64_t written = type == EQ_BOOL ? value != 0 : value;
    memcpy((uint8_t *)values + i * size, &written, size);
}
