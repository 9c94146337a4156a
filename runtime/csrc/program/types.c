#include "types.h"

#include <stdio.h>
#include <string.h>

static const type_names types[] = {
    {EQ_FLOAT32, 4, "float32", "<f4"},     {EQ_INT32, 4, "int32", "<i4"},     {EQ_UINT8, 1, "uint8", "|u1"},
    {EQ_INT64, 8, "int64", "<i8"},         {EQ_BOOL, 1, "bool", "|b1"},       {EQ_INT16, 2, "int16", "<i2"},
    {EQ_INT8, 1, "int8", "|i1"},           {EQ_FLOAT16, 2, "float16", "<f2"}, {EQ_UINT16, 2, "uint16", "<u2"},
    {EQ_UINT64, 8, "uint64", "<u8"},       {EQ_UINT32, 4, "uint32", "<u4"},   {EQ_BFLOAT16, 2, "bfloat16", "<V2"},
    {EQ_COMPLEX64, 8, "complex64", "<c8"},
};

enum { TYPES = sizeof types / sizeof *types };

const type_names *type_by_number(int32_t type) {
    for (int i = 0; i < TYPES; i++) {
        if ((int32_t)types[i].type == type) {
            return &types[i];
        }
    }
    return NULL;
}

/* Single bytes have no order: some writers say so with '|', others with '<' or '='. */
const type_names *type_by_descr(const char *descr) {
    for (int i = 0; i < TYPES; i++) {
        if (strcmp(types[i].descr + 1, descr + 1) == 0 && (strchr("<=", descr[0]) || types[i].bytes == 1)) {
            return &types[i];
        }
    }
    return NULL;
}

const char *shape_text(const int32_t *dims, int32_t rank, char text[SHAPE_TEXT]) {
    int length = 0;
    text[0] = 0;
    for (int32_t i = 0; i < rank; i++) {
        length += sprintf(text + length, i == 0 ? "%d" : "x%d", (int)dims[i]);
    }
    return rank == 0 ? "scalar" : text;
}
