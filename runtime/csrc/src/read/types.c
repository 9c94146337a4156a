#include "model.h"

int32_t eq_type_size(eq_type type) {
    switch (type) {
    case EQ_UINT8:
    case EQ_BOOL:
    case EQ_INT8:
        return 1;
    case EQ_INT16:
    case EQ_UINT16:
    case EQ_FLOAT16:
    case EQ_BFLOAT16:
        return 2;
    case EQ_FLOAT32:
    case EQ_INT32:
    case EQ_UINT32:
        return 4;
    case EQ_INT64:
    case EQ_UINT64:
    case EQ_COMPLEX64:
        return 8;
    default:
        return 0;
    }
}

int32_t eq_type_bits(eq_type type) {
    static const uint8_t bits[] = {32, 16, 32, 8, 64, 0, 8, 16, 64, 8, 64, 128, 64, 0, 0, 32, 16, 4, 16, 2, 4, 8, 8};
    return (size_t)type < sizeof bits ? bits[type] : 0;
}

const char *eq_type_name(eq_type type) {
    static const char *const names[] = {
        "FLOAT32",   "FLOAT16", "INT32",    "UINT8",      "INT64",  "STRING",        "BOOL",        "INT16",
        "COMPLEX64", "INT8",    "FLOAT64",  "COMPLEX128", "UINT64", "RESOURCE",      "VARIANT",     "UINT32",
        "UINT16",    "INT4",    "BFLOAT16", "INT2",       "UINT4",  "FLOAT8_E4M3FN", "FLOAT8_E5M2",
    };
    return (size_t)type < sizeof names / sizeof *names ? names[type] : "an unknown type";
}

int64_t eq_tensor_elements(const eq_tensor *tensor) {
    int64_t elements = 1;
    for (int32_t i = 0; i < tensor->rank; i++) {
        elements *= tensor->dims[i];
    }
    return elements;
}
